//! Lists the files of the knowledge base for `src/knowledge.rs`: an entry is added by adding its file.

use std::path::Path;
use std::{env, fs};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    let mut listing = String::new();
    for (name, folder) in [("REASON_FILES", "knowledge/reasons"), ("CODE_FILES", "knowledge/codes")] {
        println!("cargo::rerun-if-changed={folder}");
        let mut files: Vec<_> = fs::read_dir(Path::new(&root).join(folder))
            .expect("the folder of the knowledge base is there")
            .map(|entry| entry.expect("it can be listed").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .collect();
        files.sort();
        listing.push_str(&format!("static {name}: [(&str, &str); {}] = [\n", files.len()));
        for file in files {
            let stem = file.file_stem().expect("files have names").to_string_lossy();
            listing.push_str(&format!("    ({stem:?}, include_str!({:?})),\n", file.display().to_string()));
        }
        listing.push_str("];\n");
    }
    fs::write(Path::new(&out).join("knowledge_files.rs"), listing).expect("the build folder can be written");
}
