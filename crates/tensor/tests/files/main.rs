//! The readers and writers of files: by others, by ours, and by nobody.

mod broken;
mod numpy;
mod safetensors;
