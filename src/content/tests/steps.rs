//! Random steps of a reader, of its server and of the cache.

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Read(u64, usize),
    Evict,
    Remount,
    Replace,
    Fault(u8),
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    use proptest::prelude::*;
    prop_oneof![
        8 => (0..3 * MIB, 1..600_000usize).prop_map(|(at, length)| Step::Read(at, length)),
        2 => Just(Step::Evict),
        1 => Just(Step::Remount),
        1 => Just(Step::Replace),
        2 => (0..5u8).prop_map(Step::Fault),
    ]
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 12, ..Default::default() })]

    /// Whatever happens, an open file gives the bytes of the version it was opened as, or an error; and after
    /// an error of the old version, the new one can be opened.
    #[test]
    fn a_handle_reads_one_version(steps in proptest::collection::vec(step(), 1..40)) {
        let (server, folder) = (server(), tempfile::tempdir().unwrap());
        let size = 2 * MIB + 345_678;
        let object = object(&server, &size.to_string());
        let mut process = content(Some(folder.path()), 1 << 30, Duration::ZERO);
        let mut version = 0;
        let open = |process: &Content| loop {
            match process.open(&object, process.generation(object.origin.identity())) {
                Err(Error::Changed { .. }) => {}
                opened => break opened.unwrap(),
            }
        };
        let whole = |version: u8| -> Vec<u8> {
            // Another version's bytes, as its server has them.
            let alone = tempfile::tempdir().unwrap();
            let process = fresh(alone.path());
            if version == 0 { painted(0..size) } else { read_all(&open(&process)).unwrap() }
        };
        let mut truth = whole(0);
        let mut file = open(&process);
        let mut file_is_old = false;
        for step in steps {
            match step {
                Step::Read(at, length) => match file.read(at, length) {
                    Ok(bytes) => {
                        let end = (at + length as u64).min(size) as usize;
                        proptest::prop_assert!(bytes == truth[(at as usize).min(end)..end]);
                    }
                    Err(Error::Changed { .. }) => {
                        proptest::prop_assert!(file_is_old);
                        truth = whole(version);
                        file = open(&process);
                        file_is_old = false;
                    }
                    Err(error) => proptest::prop_assert!(false, "{error}"),
                },
                Step::Evict => drop(content(Some(folder.path()), 1, HOUR)),
                Step::Remount => {
                    server.faults().clear();
                    server.faults().add(Fault::NewVersion(version).on("*"));
                    drop(file);
                    drop(process);
                    process = content(Some(folder.path()), 1 << 30, Duration::ZERO);
                    truth = whole(version);
                    file = open(&process);
                    file_is_old = false;
                }
                Step::Replace => {
                    version += 1;
                    server.faults().clear();
                    server.faults().add(Fault::NewVersion(version).on("*"));
                    file_is_old = true;
                }
                Step::Fault(kind) => server.faults().add(match kind {
                    0 => Fault::CutAfter(50_000).on("*").times(2),
                    1 => Fault::ResetAfter(100_000).on("*").times(2),
                    2 => Fault::status(503).on("*").times(2),
                    3 => Fault::HangUp.on("*").times(2),
                    _ => Fault::IgnoreRange.on("*").times(1),
                }),
            }
        }
    }
}
