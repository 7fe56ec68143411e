//! The layers that the crate shows, by its own list.

/// What it shows that is not a layer.
const NOT_LAYERS: &[&str] = &["Layer", "Sizes", "Padding", "Join", "Mask"];

/// The names of all layers in `lib.rs`.
pub fn layers() -> Vec<&'static str> {
    let mut found = Vec::new();
    for list in include_str!("../../src/lib.rs").split("\npub use ").skip(1) {
        let (_, names) = list.split(';').next().unwrap().split_once("::").unwrap();
        let names = names.split(|c: char| !c.is_alphanumeric());
        found.extend(names.filter(|name| name.starts_with(char::is_uppercase) && !NOT_LAYERS.contains(name)));
    }
    assert!(found.len() >= 50, "only {} layers were found in lib.rs", found.len());
    found
}
