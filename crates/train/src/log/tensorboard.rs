//! Event files that TensorBoard reads.
//!
//! A file is a sequence of records: length (`u64`), masked CRC-32C of the length, data, masked CRC-32C of the data, all little-endian. The data
//! is a protocol buffer of type `Event` (tensorflow/core/util/event.proto), whose few fields that are needed are encoded by hand.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ravine_tensor::Tensor;

use super::{Picture, filters};
use crate::callback::{Callback, CallbackResult, Flow, RunState};
use crate::record::Part;
use crate::{FileError, Record, StepRecord, file};

/// A log for TensorBoard in a folder of its own: `tensorboard --logdir FOLDER`.
///
/// As a [`Callback`] it logs losses, rates, norms and metrics as curves, weights as histograms, the filters of a first convolution as
/// images, and the settings as text; [`Trainer::tensorboard`](crate::Trainer::tensorboard) adds one. Its methods log anything else.
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// use ravine_tensor::Tensor;
/// use ravine_train::TensorBoard;
///
/// let mut log = TensorBoard::new(folder.path());
/// log.scalar("temperature", 1, 21.5)?;
/// log.histogram("noise", 1, &Tensor::linspace(-1.0, 1.0, 100))?;
/// log.image("ramp", 1, &Tensor::linspace(0.0, 1.0, 64).reshape([1, 8, 8]))?;
/// log.text("note", 1, "The *window* was open.")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    file: PathBuf,
    out: Option<File>,
}

impl TensorBoard {
    /// A log in this folder, which is created when something is logged. It goes to a new file; earlier files in the folder stay.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        TensorBoard { folder: folder.into(), file: PathBuf::new(), out: None }
    }

    /// Logs a point of a curve.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalar(&mut self, tag: &str, step: usize, value: f64) -> Result<(), FileError> {
        self.event(step, &summary(tag, |entry| entry.float(2, value as f32)))
    }

    /// Logs the distribution of the numbers of a tensor. Numbers that are not finite are left out.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn histogram(&mut self, tag: &str, step: usize, values: &Tensor) -> Result<(), FileError> {
        let values: Vec<f64> = values.iter().filter(|x| x.is_finite()).map(f64::from).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        const BUCKETS: usize = 30;
        let width = ((high - low) / BUCKETS as f64).max(1e-12);
        let mut counts = [0.0; BUCKETS];
        for x in &values {
            counts[(((x - low) / width) as usize).min(BUCKETS - 1)] += 1.0;
        }
        let mut limits: Vec<f64> = (1..=BUCKETS).map(|i| low + width * i as f64).collect();
        limits[BUCKETS - 1] = limits[BUCKETS - 1].max(high);
        let mut histogram = Message::default();
        if !values.is_empty() {
            histogram.double(1, low).double(2, high);
            histogram.double(3, values.len() as f64).double(4, values.iter().sum());
            histogram.double(5, values.iter().map(|x| x * x).sum());
            histogram.doubles(6, &limits).doubles(7, &counts);
        }
        self.event(step, &summary(tag, |entry| entry.message(5, &histogram)))
    }

    /// Logs an image `[channels, height, width]` of 1 or 3 channels, drawn from its lowest value to its highest.
    ///
    /// # Errors
    /// If the file cannot be written.
    ///
    /// # Panics
    /// If the shape is another one.
    #[track_caller]
    pub fn image(&mut self, tag: &str, step: usize, image: &Tensor) -> Result<(), FileError> {
        let Some(picture) = Picture::of_image(image) else {
            panic!("image: {}; [channels, height, width] with 1 or 3 channels is needed", image.shape());
        };
        self.picture(tag, step, &picture)
    }

    fn picture(&mut self, tag: &str, step: usize, picture: &Picture) -> Result<(), FileError> {
        let mut image = Message::default();
        image.number(1, picture.height as u64).number(2, picture.width as u64);
        image.number(3, picture.channels() as u64).bytes(4, &picture.png());
        self.event(step, &summary(tag, |entry| entry.message(4, &image)))
    }

    /// Logs a text in Markdown.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn text(&mut self, tag: &str, step: usize, text: &str) -> Result<(), FileError> {
        let (mut plugin, mut metadata) = (Message::default(), Message::default());
        plugin.bytes(1, b"text");
        metadata.message(1, &plugin);
        let (mut size, mut shape, mut tensor) = (Message::default(), Message::default(), Message::default());
        size.number(1, 1);
        shape.message(2, &size);
        // DT_STRING.
        tensor.number(1, 7).message(2, &shape).bytes(8, text.as_bytes());
        self.event(step, &summary(tag, |entry| entry.message(8, &tensor).message(9, &metadata)))
    }

    /// Tells TensorBoard to ignore the events of earlier files from this step on: a resumed run logs them again.
    fn begin_at(&mut self, step: usize) -> Result<(), FileError> {
        let (mut start, mut event) = (Message::default(), Message::default());
        start.number(1, 1);
        event.message(7, &start);
        self.event(step, &event)
    }

    /// Appends an event at a step.
    fn event(&mut self, step: usize, content: &Message) -> Result<(), FileError> {
        if self.out.is_none() {
            self.open()?;
        }
        let mut event = Message::default();
        event.double(1, now().as_secs_f64()).number(2, step as u64);
        event.0.extend(&content.0);
        self.append(&event)
    }

    /// Creates a new file, and writes its version event.
    fn open(&mut self) -> Result<(), FileError> {
        fs::create_dir_all(&self.folder).map_err(FileError::io(&self.folder, "create the folder"))?;
        let since = now();
        let (mut file, mut number) = (PathBuf::new(), 0);
        let out = loop {
            // TensorBoard reads the files of a folder in the order of their names.
            file.clone_from(&self.folder);
            file.push(format!(
                "events.out.tfevents.{:010}.{:09}.{number}",
                since.as_secs(),
                since.subsec_nanos()
            ));
            match OpenOptions::new().create_new(true).append(true).open(&file) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                out => break out.map_err(FileError::io(&file, "create it"))?,
            }
        };
        (self.file, self.out) = (file, Some(out));
        let mut version = Message::default();
        version.double(1, now().as_secs_f64()).bytes(3, b"brain.Event:2");
        self.append(&version)
    }

    fn append(&mut self, event: &Message) -> Result<(), FileError> {
        let Some(out) = &mut self.out else { return Ok(()) };
        file::append(out, &framed(&event.0)).map_err(FileError::io(&self.file, "write it"))
    }
}

impl Callback for TensorBoard {
    fn start(&mut self, state: &RunState<'_>) -> CallbackResult {
        if state.step > 0 {
            self.begin_at(state.step + 1)?;
            return Ok(Flow::Continue);
        }
        // Events of an earlier run in the same folder would be shown as if they were of this one.
        let old = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for path in old.map(|entry| entry.path()) {
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("events.out.tfevents."))
            {
                fs::remove_file(&path).map_err(FileError::io(&path, "remove it"))?;
            }
        }
        self.text("settings", 0, &table(state.settings))?;
        Ok(Flow::Continue)
    }

    fn step(&mut self, state: &RunState<'_>, step: &StepRecord) -> CallbackResult {
        if state.trace.last().is_none_or(|kept| kept.step != step.step) {
            return Ok(Flow::Continue);
        }
        self.scalar("step/loss", step.step, step.loss)?;
        self.scalar("step/learning_rate", step.step, step.learning_rate)?;
        if let Some(norm) = step.gradient_norm {
            self.scalar("step/gradient_norm", step.step, norm)?;
        }
        for (path, ratio) in state.watched.iter().zip(&step.update_ratios) {
            self.scalar(&format!("update_ratio/{path}"), step.step, f64::from(*ratio))?;
        }
        Ok(Flow::Continue)
    }

    fn evaluated(&mut self, state: &RunState<'_>, record: &Record) -> CallbackResult {
        for part in Part::ALL {
            let (Some(scores), part) = (record.part(part), part.name()) else { continue };
            self.scalar(&format!("{part}/loss"), record.steps, scores.loss())?;
            for (name, value) in scores.metrics() {
                self.scalar(&format!("{part}/{name}"), record.steps, value)?;
            }
        }
        for (path, param) in state.model.named_params() {
            self.histogram(&format!("weights/{path}"), record.steps, &param.value())?;
        }
        if let Some((path, pictures)) = filters(state.model) {
            for (i, picture) in pictures.iter().enumerate().take(16) {
                self.picture(&format!("filters/{path}/{i}"), record.steps, picture)?;
            }
        }
        Ok(Flow::Continue)
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// An `Event`'s field `summary` with one value.
fn summary(tag: &str, fill: impl FnOnce(&mut Message) -> &mut Message) -> Message {
    let (mut value, mut summary, mut event) = (Message::default(), Message::default(), Message::default());
    value.bytes(1, tag.as_bytes());
    fill(&mut value);
    summary.message(1, &value);
    event.message(5, &summary);
    event
}

/// A protocol buffer, encoded field by field.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }

    /// The number of a field and its wire type: 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn number(&mut self, field: u64, n: u64) -> &mut Self {
        self.key(field, 0);
        self.varint(n);
        self
    }

    fn double(&mut self, field: u64, x: f64) -> &mut Self {
        self.key(field, 1);
        self.0.extend(x.to_le_bytes());
        self
    }

    fn float(&mut self, field: u64, x: f32) -> &mut Self {
        self.key(field, 5);
        self.0.extend(x.to_le_bytes());
        self
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) -> &mut Self {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn doubles(&mut self, field: u64, values: &[f64]) -> &mut Self {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.bytes(field, &bytes)
    }

    fn message(&mut self, field: u64, message: &Message) -> &mut Self {
        self.bytes(field, &message.0)
    }
}

/// The settings as a table in Markdown.
fn table(settings: &[(String, String)]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', "<br>");
    let row = |(name, value): &(String, String)| format!("| {} | {} |\n", cell(name), cell(value));
    let rows: String = settings.iter().map(row).collect();
    format!("| setting | value |\n|---|---|\n{rows}")
}

/// A record of an event file.
fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked_crc(&length).to_le_bytes());
    record.extend(data);
    record.extend(masked_crc(data).to_le_bytes());
    record
}

/// The CRC-32C in the masked form of the format: rotated and offset, as a CRC of data that contain CRCs is weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli et al. 1993), whose polynomial differs from that of PNG and zip.
fn crc32c(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut crc, mut bit) = (byte as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| crc >> 8 ^ TABLE[((crc ^ u32::from(byte)) & 0xff) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standard() {
        // RFC 3720, appendix B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_setting_stays_in_its_cell() {
        let settings = [("p(a|b)".to_owned(), "one\ntwo".to_owned())];
        assert!(table(&settings).ends_with("|---|---|\n| p(a\\|b) | one<br>two |\n"));
    }

    #[test]
    fn messages_are_written_as_protocol_buffers_are() {
        let mut message = Message::default();
        message.number(1, 300).bytes(2, b"hi").float(3, 1.0);
        assert_eq!(message.0, [0x08, 0xac, 0x02, 0x12, 2, b'h', b'i', 0x1d, 0, 0, 0x80, 0x3f]);
    }
}
