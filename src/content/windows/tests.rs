//! Tests of windows.

use super::super::tiff::tests::tiles as tiles_of;
use super::*;

const TILE: u32 = 400_000;

fn tiles() -> Tiles {
    tiles_of([(5, 4), (3, 2)], TILE)
}

fn bytes(tiles: &Tiles, column: u32, row: u32) -> Range<u64> {
    tiles.bytes(Spot { level: 0, column, row }).unwrap()
}

fn over(range: Range<u64>) -> Range<u64> {
    with_overrun(&range)
}

/// Reads a tile as GDAL and the kernel do: a bit of it, then the rest in steps. Those that run over its end are
/// refused, and the pages wanted of them asked for again.
fn read(windows: &mut Windows, tiles: &Tiles, column: u32, row: u32) -> Vec<Range<u64>> {
    let tile = bytes(tiles, column, row);
    let next = windows.note(tiles, tile.start..tile.start + FIRST_READ).unwrap();
    assert_eq!(next.tile, over(tile.clone()));
    let still = Some(Wanted { tile: over(tile.clone()), next: vec![] });
    for at in (tile.start + FIRST_READ..tile.end).step_by(READ_AHEAD as usize) {
        if windows.is_read_ahead(tiles, &(at..at + READ_AHEAD)) {
            assert!(at + READ_AHEAD > tile.end);
            for page in (at..tile.end + FIRST_READ).step_by(PAGE as usize) {
                assert_eq!(windows.note(tiles, page..page + PAGE), still);
            }
        } else {
            assert_eq!(windows.note(tiles, at..at + READ_AHEAD), still);
        }
    }
    next.next
}

#[test]
fn windows_like_the_last_are_expected_and_their_rows_joined() {
    let (tiles, mut windows) = (tiles(), Windows::default());
    assert_eq!(read(&mut windows, &tiles, 0, 0), []);
    assert_eq!(read(&mut windows, &tiles, 1, 0), []);
    assert_eq!(read(&mut windows, &tiles, 0, 1), vec![over(bytes(&tiles, 1, 1))], "a row like the first");
    assert_eq!(read(&mut windows, &tiles, 1, 1), []);
    let next = read(&mut windows, &tiles, 3, 2);
    let second_row = bytes(&tiles, 3, 3).start..bytes(&tiles, 4, 3).end;
    assert_eq!(next, vec![over(bytes(&tiles, 4, 2)), over(second_row)]);
    for (column, row) in [(4, 2), (3, 3), (4, 3)] {
        assert_eq!(read(&mut windows, &tiles, column, row), []);
    }
    assert_eq!(windows.wasted, 0);
}

#[test]
fn tiles_read_before_may_be_the_corner_of_a_window() {
    let (tiles, mut windows) = (tiles_of([(20, 20), (3, 2)], TILE), Windows::default());
    let mut window = |wanted: &[(u32, u32)]| -> Vec<Range<u64>> {
        wanted.iter().flat_map(|(column, row)| read(&mut windows, &tiles, *column, *row)).collect()
    };
    window(&[(0, 0), (1, 0), (0, 1), (1, 1)]);
    window(&[(5, 5), (6, 5), (5, 6), (6, 6)]);
    window(&[(12, 12), (13, 12), (12, 13), (13, 13)]);
    // The window over (6, 6) to (7, 7): its corner is in the kernel's pages.
    let next = window(&[(7, 6), (6, 7), (7, 7)]);
    let runs = [bytes(&tiles, 8, 6), bytes(&tiles, 6, 7).start..bytes(&tiles, 8, 7).end];
    assert_eq!(next, runs.map(over), "it may also begin at (7, 6)");
    // That one was of the usual shape, though only three of its tiles were seen.
    let next = window(&[(16, 2)]);
    assert_eq!(next.last(), Some(&over(bytes(&tiles, 16, 3).start..bytes(&tiles, 17, 3).end)));
}

#[test]
fn what_the_kernel_reads_ahead_is_refused_once_and_says_nothing_of_the_reader() {
    let (tiles, mut windows) = (tiles(), Windows::default());
    let tile = bytes(&tiles, 0, 0);
    windows.note(&tiles, tile.start..tile.start + FIRST_READ);
    let mut at = tile.start + FIRST_READ;
    while at + READ_AHEAD <= tile.end {
        assert!(!windows.is_read_ahead(&tiles, &(at..at + READ_AHEAD)), "it is of the tile");
        assert!(windows.note(&tiles, at..at + READ_AHEAD).is_some());
        at += READ_AHEAD;
    }
    let (last, beyond) = (at..at + READ_AHEAD, at + READ_AHEAD..at + 2 * READ_AHEAD);
    assert!(!windows.is_read_ahead(&tiles, &(at..at + 2 * READ_AHEAD)), "the program says it reads through");
    assert!(windows.is_read_ahead(&tiles, &last));
    assert!(windows.is_read_ahead(&tiles, &beyond), "it goes on from what was refused");
    assert!(!windows.is_read_ahead(&tiles, &last) && !windows.is_read_ahead(&tiles, &beyond), "asked again");
    let within = beyond.start + PIECE;
    let second = windows.note(&tiles, within..within + PAGE).unwrap();
    assert_eq!(second.tile, over(bytes(&tiles, 1, 0)), "somebody wants the next tile after all");
    assert!(!windows.is_read_ahead(&tiles, &(8..16)), "nothing led there");
}

#[test]
fn a_long_row_goes_on_and_rows_follow() {
    let (tiles, mut windows) = (tiles(), Windows::default());
    let row = |from: (u32, u32), to: (u32, u32)| {
        vec![over(bytes(&tiles, from.0, from.1).start..bytes(&tiles, to.0, to.1).end)]
    };
    assert_eq!(read(&mut windows, &tiles, 0, 0), []);
    assert_eq!(read(&mut windows, &tiles, 1, 0), []);
    assert_eq!(read(&mut windows, &tiles, 2, 0), row((3, 0), (4, 0)));
    (3..5).for_each(|column| assert_eq!(read(&mut windows, &tiles, column, 0), []));
    assert_eq!(read(&mut windows, &tiles, 0, 1), row((1, 1), (4, 1)));
    (1..5).for_each(|column| assert_eq!(read(&mut windows, &tiles, column, 1), []));
    assert_eq!(read(&mut windows, &tiles, 0, 2), row((1, 2), (4, 3)), "two rows more");
}

/// Reads windows anywhere, of which the kernel asks only for tiles that it has not. Gives how often the reader
/// waited, how many tiles were wanted, and how many others were fetched.
fn wander(side: u32, shape: Shape, count: u32) -> (usize, usize, usize) {
    let (tiles, mut windows) = (tiles_of([(side, side), (1, 1)], TILE), Windows::default());
    let (mut wanted, mut fetched) = (HashSet::new(), HashSet::new());
    let mut waits = 0;
    for n in 0..count {
        // Somewhere, by no simple rule.
        let place = |salt: u32, most: u32| {
            let mixed = (u64::from(n * 2 + salt) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (mixed >> 33) as u32 % most
        };
        let (column, row) = (place(0, side - shape.0), place(1, side - shape.1));
        for spot in grid(Spot { level: 0, column, row }, shape) {
            if !wanted.insert(spot) {
                continue;
            }
            waits += usize::from(fetched.insert(spot));
            for run in read(&mut windows, &tiles, spot.column, spot.row) {
                let all = grid(Spot { level: 0, column: 0, row: 0 }, (side, side));
                let within = |tile: Range<u64>| run.start <= tile.start && tile.end <= run.end;
                fetched.extend(all.filter(|spot| tiles.bytes(*spot).is_some_and(within)));
            }
        }
    }
    (waits, wanted.len(), fetched.difference(&wanted).count())
}

#[test]
fn a_window_costs_hardly_more_than_one_wait_and_little_in_vain() {
    for (side, shape) in [(22, (2, 2)), (40, (3, 3)), (40, (4, 2)), (40, (1, 1))] {
        let (waits, wanted, vain) = wander(side, shape, 32);
        assert!(waits <= 32 + 12, "{shape:?}: {waits} waits");
        assert!(vain * 10 <= wanted, "{shape:?}: {vain} in vain beside {wanted}");
    }
}

#[test]
fn expectations_that_fail_come_to_an_end() {
    let (tiles, mut windows) = (tiles_of([(60, 60), (1, 1)], TILE), Windows::default());
    let mut expected = 0;
    let mut tiles_read = 0;
    for round in 0..200 {
        // Wide windows teach, then single tiles disappoint.
        let width = if round % 4 < 3 { 3 } else { 1 };
        let (column, row) = (round % 15 * 4, round / 15 * 4);
        for column in column..column + width {
            tiles_read += 1;
            expected += read(&mut windows, &tiles, column, row).len();
        }
    }
    assert!(expected > 0);
    assert!(windows.wasted <= WASTE_FREE + (tiles_read / WASTE_PART + 64) * u64::from(TILE));
}

#[test]
fn what_is_no_tile_is_not_wanted() {
    assert_eq!(Windows::default().note(&tiles(), 8..16), None);
}
