//! The block map: a small file beside each data file that says which blocks are here, and their checksums.
//!
//! ```text
//! 0        magic, length of the description, its CRC32C
//! 16       the description: whose bytes these are (JSON)
//! 4096·n   one slot of 8 bytes per block
//! ```
//!
//! A slot is written after its block, and a block counts only if its checksum agrees with its slot, at every
//! read. So no order of writes reaching the disk, and no instant of dying, makes a wrong byte: what does not
//! agree is not here.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Bytes of a block, the unit of presence and of checksums.
///
/// Small, because a random read costs about two half blocks more than it asked for (a run of COG tiles is
/// some 500 KB, so 6 %), and because the least read from disk is a block to check. Not smaller, because each
/// block costs 8 bytes of map and a step in every loop: 16 GiB are half a million blocks in 4 MiB of map.
pub const BLOCK: u64 = 32 * 1024;

const MAGIC: &[u8; 8] = b"stacfs1\n";
/// The description ends at a multiple of this.
const ALIGNMENT: u64 = 4096;
/// No description is longer: identities are URLs.
const LONGEST: u64 = 64 * 1024;
/// The upper half of a slot whose block is here. An empty slot is zero, as are holes.
const HERE: u64 = 0x5b1c_d05e << 32;

/// Whose bytes a data file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The object's identity: its canonical href, free of secrets.
    pub identity: String,
    /// Which version of it.
    pub validator: String,
    /// Bytes of the whole object.
    pub size: u64,
    /// Bytes per block.
    pub block: u64,
}

/// How many blocks an object of `size` bytes has.
pub fn blocks_of(size: u64) -> u64 {
    size.div_ceil(BLOCK)
}

/// The blocks that the bytes from `offset` on touch.
pub fn blocks_over(offset: u64, length: u64) -> Range<u64> {
    offset / BLOCK..offset.saturating_add(length).div_ceil(BLOCK)
}

/// What was found of all of a data file in one state of it. Each finding has a mark behind the slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Every block agrees with its slot, for this start of the machine: after the next, pages that were not written
    /// yet may be gone, and nobody was told.
    Verified,
    /// It agrees with this declared checksum.
    Sound,
}

/// Bytes of a mark.
const MARK: usize = 32;
/// Tells what a finding is about, and which state of the data file it is of.
pub type Mark = [u8; MARK];

/// A block map that is open.
#[derive(Debug)]
pub struct BlockMap {
    file: File,
    /// Where the slots begin.
    slots_at: u64,
    /// Goes into every checksum, so that a block of another object or version never passes.
    salt: u32,
}

impl BlockMap {
    /// Writes the head of a new map, and makes room for its slots.
    pub fn create(file: &File, description: &Description) -> io::Result<()> {
        let json = serde_json::to_vec(description)?;
        let mut head = Vec::with_capacity(16 + json.len());
        head.extend(MAGIC);
        head.extend((json.len() as u32).to_le_bytes());
        head.extend(crc32c::crc32c(&json).to_le_bytes());
        head.extend(&json);
        let slots_at = (head.len() as u64).next_multiple_of(ALIGNMENT);
        file.write_all_at(&head, 0)?;
        file.set_len(slots_at + 8 * blocks_of(description.size))
    }

    /// Takes up a map, if it is whole and describes these bytes. A map that cannot be read now is not damaged.
    pub fn open(file: File, description: &Description) -> io::Result<Option<BlockMap>> {
        let mut head = [0; 16];
        if !is_read(&file, &mut head, 0)? || &head[..8] != MAGIC {
            return Ok(None);
        }
        let length = u64::from(u32_at(&head, 8));
        if length > LONGEST {
            return Ok(None);
        }
        let mut json = vec![0; length as usize];
        if !is_read(&file, &mut json, 16)? || crc32c::crc32c(&json) != u32_at(&head, 12) {
            return Ok(None);
        }
        let slots_at = (16 + length).next_multiple_of(ALIGNMENT);
        let whole = file.metadata()?.len() >= slots_at + 8 * blocks_of(description.size);
        let ours = serde_json::from_slice::<Description>(&json).is_ok_and(|found| found == *description);
        Ok((whole && ours).then(|| BlockMap { file, slots_at, salt: crc32c::crc32c(&json) }))
    }

    /// Where the slots of a run of blocks stand in the file.
    pub fn place_of(&self, blocks: &Range<u64>) -> Range<u64> {
        self.slots_at + 8 * blocks.start..self.slots_at + 8 * blocks.end
    }

    /// The file itself, for locks and times.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// The slot that a block's bytes ought to have.
    pub fn slot_for(&self, block: u64, bytes: &[u8]) -> u64 {
        let seed = crc32c::crc32c_append(self.salt, &block.to_le_bytes());
        HERE | u64::from(crc32c::crc32c_append(seed, bytes))
    }

    /// The slots of a run of blocks.
    pub fn slots(&self, blocks: Range<u64>) -> io::Result<Vec<u64>> {
        let mut bytes = vec![0; 8 * (blocks.end - blocks.start) as usize];
        self.file.read_exact_at(&mut bytes, self.slots_at + 8 * blocks.start)?;
        let slot = |chunk: &[u8]| chunk.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        Ok(bytes.chunks(8).map(slot).collect())
    }

    /// Says that a run of blocks is here. Their bytes must have been written.
    pub fn set(&self, first: u64, slots: &[u64]) -> io::Result<()> {
        let bytes: Vec<u8> = slots.iter().flat_map(|slot| slot.to_le_bytes()).collect();
        self.file.write_all_at(&bytes, self.slots_at + 8 * first)
    }

    /// The mark of a finding behind the slots of a map of so many blocks; an error where there is none.
    pub fn mark(&self, blocks: u64, finding: Finding) -> io::Result<Mark> {
        let mut mark = [0; MARK];
        self.file.read_exact_at(&mut mark, self.place_of_mark(blocks, finding))?;
        Ok(mark)
    }

    /// Puts the mark of a finding behind the slots.
    pub fn set_mark(&self, blocks: u64, finding: Finding, mark: &Mark) -> io::Result<()> {
        self.file.write_all_at(mark, self.place_of_mark(blocks, finding))
    }

    fn place_of_mark(&self, blocks: u64, finding: Finding) -> u64 {
        self.slots_at + 8 * blocks + MARK as u64 * finding as u64
    }

    /// The mark of a finding about a data file in this state. `what` is the start of the machine, or the checksum.
    pub fn mark_for(&self, finding: Finding, what: &[u8], state: &[i64]) -> Mark {
        let mut digest = Sha256::new();
        digest.update(match finding {
            Finding::Verified => b"verified\n".as_slice(),
            Finding::Sound => b"sound\n",
        });
        digest.update(self.salt.to_le_bytes());
        digest.update(what);
        state.iter().for_each(|number| digest.update(number.to_le_bytes()));
        digest.finalize().into()
    }

    /// Says that a run of blocks is not here. To be called before their bytes go.
    pub fn clear(&self, blocks: Range<u64>) -> io::Result<()> {
        self.set(blocks.start, &vec![0; (blocks.end - blocks.start) as usize])
    }
}

/// Whether a slot says that its block is here.
pub fn is_here(slot: u64) -> bool {
    slot & (u64::MAX << 32) == HERE
}

/// Whose bytes a map is for, where its head is whole.
pub fn description(file: &File) -> io::Result<Option<Description>> {
    let mut head = [0; 16];
    file.read_exact_at(&mut head, 0)?;
    let mut json = vec![0; u64::from(u32_at(&head, 8)).min(LONGEST) as usize];
    file.read_exact_at(&mut json, 16)?;
    Ok(serde_json::from_slice(&json).ok())
}

/// Reads all of `bytes` from `offset`. Tells whether the file reaches so far.
fn is_read(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(bytes, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| true),
    }
}

fn u32_at(bytes: &[u8; 16], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(size: u64) -> Description {
        Description { identity: "https://e.org/a.tif".into(), validator: "\"1\"".into(), size, block: BLOCK }
    }

    #[test]
    fn a_map_is_taken_up_only_by_its_own_description() {
        let file = tempfile::tempfile().unwrap();
        BlockMap::create(&file, &description(100_000)).unwrap();
        let open = |d: &Description| BlockMap::open(file.try_clone().unwrap(), d).unwrap();
        assert!(open(&description(100_000)).is_some());
        assert!(open(&description(100_001)).is_none());
        assert!(open(&Description { validator: "\"2\"".into(), ..description(100_000) }).is_none());
    }

    #[test]
    fn a_head_that_is_cut_or_bent_is_no_map() {
        let file = tempfile::tempfile().unwrap();
        BlockMap::create(&file, &description(100_000)).unwrap();
        let length = 16 + serde_json::to_vec(&description(100_000)).unwrap().len();
        let mut head = vec![0; length];
        file.read_exact_at(&mut head, 0).unwrap();
        for at in 0..length {
            let mut bent = head.clone();
            bent[at] ^= 0x20;
            file.write_all_at(&bent, 0).unwrap();
            assert!(
                BlockMap::open(file.try_clone().unwrap(), &description(100_000)).unwrap().is_none(),
                "{at}"
            );
        }
        for length in [0, 7, 15, 60, 4100] {
            file.set_len(length).unwrap();
            assert!(BlockMap::open(file.try_clone().unwrap(), &description(100_000)).unwrap().is_none());
        }
    }

    #[test]
    fn a_map_that_cannot_be_read_now_is_not_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map");
        BlockMap::create(&File::create(&path).unwrap(), &description(100_000)).unwrap();
        let unreadable = File::options().write(true).open(&path).unwrap();
        assert!(BlockMap::open(unreadable, &description(100_000)).is_err());
        assert!(BlockMap::open(File::open(&path).unwrap(), &description(100_000)).unwrap().is_some());
    }

    #[test]
    fn a_mark_is_of_one_state_and_one_start_of_the_machine() {
        let file = tempfile::tempfile().unwrap();
        BlockMap::create(&file, &description(100_000)).unwrap();
        let map = BlockMap::open(file.try_clone().unwrap(), &description(100_000)).unwrap().unwrap();
        assert!(map.mark(4, Finding::Verified).is_err(), "there is none yet");
        let findings = [Finding::Sound, Finding::Verified];
        let marks = findings.map(|finding| map.mark_for(finding, b"boot", &[1, 2]));
        findings.iter().zip(&marks).for_each(|(finding, mark)| map.set_mark(4, *finding, mark).unwrap());
        let map = BlockMap::open(file, &description(100_000)).unwrap().expect("the map is still one");
        assert_eq!(findings.map(|finding| map.mark(4, finding).unwrap()), marks);
        assert!(map.slots(0..4).unwrap().iter().all(|slot| !is_here(*slot)), "no slot was touched");
        let mark = |what: &[u8], state: &[i64]| map.mark_for(Finding::Verified, what, state);
        assert_eq!(mark(b"boot", &[1, 2]), marks[1]);
        assert!(mark(b"boot", &[1, 3]) != marks[1] && mark(b"another", &[1, 2]) != marks[1]);
        assert_ne!(marks[0], marks[1]);
    }

    #[test]
    fn a_block_in_the_wrong_place_does_not_pass() {
        let file = tempfile::tempfile().unwrap();
        BlockMap::create(&file, &description(100_000)).unwrap();
        let map = BlockMap::open(file, &description(100_000)).unwrap().unwrap();
        assert_ne!(map.slot_for(0, b"same"), map.slot_for(1, b"same"));
        map.set(1, &[map.slot_for(1, b"same")]).unwrap();
        let slots = map.slots(0..4).unwrap();
        assert_eq!(slots.iter().map(|s| is_here(*s)).collect::<Vec<_>>(), [false, true, false, false]);
        assert_eq!(slots[1], map.slot_for(1, b"same"));
        map.clear(0..4).unwrap();
        assert!(map.slots(0..4).unwrap().iter().all(|slot| !is_here(*slot)));
    }
}
