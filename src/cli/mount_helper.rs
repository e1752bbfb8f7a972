//! `mount.fuse.stacfs`: how `mount -t fuse.stacfs` and a line of fstab call this program.
//!
//! mount(8) runs `mount.fuse.stacfs SOURCE MOUNTPOINT [-sfnv] [-N namespace] [-t type] [-o options]`. It is a link
//! to the program itself, which knows by its name what it is to be.

use std::ffi::OsString;
use std::path::Path;

/// Sources that stand for all of the configuration: fstab wants a word in that place.
const ALL: [&str; 4] = ["none", "all", "configured", "stacfs"];

/// The words of the `stacfs mount` that is meant, where this process was called by mount's name for it. `Ok(None)`
/// where it was not; an empty list where there is nothing to do (`mount -f`).
///
/// # Errors
/// One line, where the words make no sense.
pub fn translated(words: &[OsString]) -> Result<Option<Vec<OsString>>, String> {
    let Some((program, rest)) = words.split_first() else { return Ok(None) };
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if !["mount.fuse.stacfs", "mount.fuse3.stacfs", "mount.stacfs"].contains(&name) {
        return Ok(None);
    }
    let mut rest = rest.iter();
    let (mut places, mut out) = (Vec::new(), Vec::new());
    let mut fake = false;
    while let Some(word) = rest.next() {
        let text = word.to_string_lossy();
        match text.as_ref() {
            "-o" => {
                let options = rest.next().ok_or("write -o with options behind it")?;
                out.extend(["-o".into(), own_options(&options.to_string_lossy()).into()]);
            }
            "-t" | "-N" => drop(rest.next()),
            // How the process in the background says that it is ready.
            "--ready-fd" => out.extend(["--ready-fd".into(), rest.next().cloned().unwrap_or_default()]),
            flags if flags.starts_with('-') && flags.len() > 1 => {
                if let Some(wrong) = flags.chars().skip(1).find(|flag| !"sfnvrw".contains(*flag)) {
                    return Err(format!("mount.fuse.stacfs has no option -{wrong}"));
                }
                fake |= flags.contains('f');
                out.extend(flags.contains('v').then(|| "-v".into()));
            }
            _ => places.push(word.clone()),
        }
    }
    let [source, point] = places.as_slice() else {
        return Err("write mount -t fuse.stacfs SOURCE MOUNTPOINT".to_owned());
    };
    if fake {
        return Ok(Some(Vec::new()));
    }
    let mut all: Vec<OsString> = vec!["stacfs".into(), "mount".into()];
    all.extend(out);
    all.push("--".into());
    if !ALL.iter().any(|word| source == word) {
        all.push(source.clone());
    }
    all.push(point.clone());
    Ok(Some(all))
}

/// mount(8) adds `rw` where nobody said `ro`; a mount of stacfs is read-only either way.
fn own_options(options: &str) -> String {
    options.split(',').filter(|option| *option != "rw").collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &str) -> Result<Option<String>, String> {
        let words: Vec<OsString> = words.split_whitespace().map(OsString::from).collect();
        let joined = |words: Vec<OsString>| words.join(" ".as_ref()).into_string().unwrap();
        Ok(translated(&words)?.map(joined))
    }

    #[test]
    fn the_words_of_mount_are_understood() {
        for (words, wanted) in [
            ("/usr/bin/stacfs mount /m", None),
            ("mount.fuse.stacfs https://a /m", Some("stacfs mount -- https://a /m")),
            (
                "/sbin/mount.fuse.stacfs all /m -n -o rw,_netdev,config=/etc/stacfs.ini",
                Some("stacfs mount -o _netdev,config=/etc/stacfs.ini -- /m"),
            ),
            ("mount.fuse.stacfs moon /m -sv -t fuse.stacfs", Some("stacfs mount -v -- moon /m")),
            ("mount.fuse.stacfs moon /m --ready-fd 5", Some("stacfs mount --ready-fd 5 -- moon /m")),
            ("mount.fuse.stacfs moon /m -f", Some("")),
        ] {
            assert_eq!(told(words).unwrap().as_deref(), wanted, "{words}");
        }
        assert!(told("mount.fuse.stacfs moon").unwrap_err().contains("SOURCE MOUNTPOINT"));
        assert!(told("mount.fuse.stacfs moon /m -q").unwrap_err().contains("-q"));
    }
}
