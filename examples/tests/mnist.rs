//! The MNIST trainer with what a user brings: a drawing of a digit, and folders of pictures. The examples must have been built, as `cargo test` does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::{GrayImage, Luma};
use ravine::data::Idx;

/// Runs the trainer, which stands beside the folder of this test.
fn mnist(out: &Path, args: &[&str]) -> Output {
    let tests = std::env::current_exe().unwrap();
    let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/mnist");
    assert!(program.exists(), "{} is missing: cargo build --examples", program.display());
    Command::new(program).arg("--out").arg(out).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(out: &Path, args: &[&str]) -> serde_json::Value {
    serde_json::from_str(stdout(&mnist(out, &[args, &["--json"]].concat())).lines().last().unwrap()).unwrap()
}

fn error(out: &Path, args: &[&str]) -> String {
    let output = mnist(out, args);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

/// A line through points in a square of side 1, from the upper left corner, `thick` wide.
struct Pen {
    points: Vec<(f64, f64)>,
    thick: f64,
}

impl Pen {
    /// The drawing `size` pixels high and wide, at a place in a picture of a ground and an ink.
    fn draw(&self, size: f64, at: (f64, f64), [width, height]: [u32; 2], ground: u8, ink: u8) -> GrayImage {
        let distance = |x: f64, y: f64| {
            let to_segment = |pair: &[(f64, f64)]| {
                let ((ax, ay), (bx, by)) = (pair[0], pair[1]);
                let (dx, dy) = (bx - ax, by - ay);
                let t = (((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
                (x - ax - t * dx).hypot(y - ay - t * dy)
            };
            self.points.windows(2).map(to_segment).fold(f64::INFINITY, f64::min)
        };
        GrayImage::from_fn(width, height, |x, y| {
            let (x, y) = ((f64::from(x) - at.0) / size, (f64::from(y) - at.1) / size);
            // Soft over a pixel at the edge.
            let inked = ((self.thick / 2.0 - distance(x, y)) * size + 0.5).clamp(0.0, 1.0);
            Luma([(f64::from(ground) * (1.0 - inked) + f64::from(ink) * inked) as u8])
        })
    }
}

/// How I draw some digits.
fn pens() -> Vec<(&'static str, Pen)> {
    let pen = |points: &[(f64, f64)]| Pen { points: points.to_vec(), thick: 0.12 };
    let ring: Vec<(f64, f64)> = (0..=40)
        .map(|i| f64::from(i) * std::f64::consts::TAU / 40.0)
        .map(|angle| (0.5 + 0.3 * angle.sin(), 0.5 + 0.42 * angle.cos()))
        .collect();
    vec![
        ("0", pen(&ring)),
        ("1", pen(&[(0.55, 0.05), (0.45, 0.95)])),
        ("4", pen(&[(0.3, 0.05), (0.2, 0.5), (0.75, 0.5), (0.75, 0.1), (0.7, 0.95)])),
        ("7", pen(&[(0.2, 0.1), (0.8, 0.1), (0.45, 0.95)])),
    ]
}

#[test]
fn a_drawing_is_read_whatever_its_size_place_and_colours() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    // A third of an epoch, to about 97 %, with averaged weights.
    let model = ["--model", "lenet", "--ema", "0.98"];
    stdout(&mnist(
        &out,
        &[&model[..], &["--batch-size", "50", "--epochs", "1", "--max-steps", "400"]].concat(),
    ));

    let file = folder.path().join("drawing.png");
    let predict = [&model[..], &["--predict", file.to_str().unwrap()]].concat();
    for (digit, pen) in pens() {
        let drawings = [
            pen.draw(100.0, (20.0, 15.0), [140, 130], 255, 0),
            pen.draw(60.0, (150.0, 5.0), [300, 90], 20, 230),
            pen.draw(300.0, (10.0, 80.0), [330, 400], 240, 60),
        ];
        for (i, drawing) in drawings.iter().enumerate() {
            drawing.save(&file).unwrap();
            let result = json(&out, &predict);
            assert_eq!(result["prediction"], digit, "drawing {i}: {result}");
            let probabilities = result["probabilities"].as_object().unwrap();
            assert_eq!(probabilities.len(), 10);
            let sum: f64 = probabilities.values().map(|p| p.as_f64().unwrap()).sum();
            assert!((sum - 1.0).abs() < 1e-5, "{result}");
            assert!(probabilities[digit].as_f64().unwrap() > 0.5, "drawing {i}: {result}");
        }
    }
    // For people, the most probable comes first.
    let text = stdout(&mnist(&out, &predict));
    assert!(text.starts_with("7  ") && text.lines().count() == 10 && text.contains(" %"), "{text}");

    GrayImage::from_pixel(50, 50, Luma([200])).save(&file).unwrap();
    let blank = error(&out, &predict);
    assert!(
        blank.contains("drawing.png: picture: found nothing but its ground, expected a figure"),
        "{blank}"
    );
    fs::write(&file, "a digit").unwrap();
    let text = error(&out, &predict);
    assert!(
        text.contains("drawing.png: picture: found ") && text.contains("expected a whole PNG or JPEG"),
        "{text}"
    );
    let missing = error(&folder.path().join("nowhere"), &predict);
    assert!(missing.contains("nowhere/last.ravine: cannot open it: "), "{missing}");
}

#[test]
fn folders_of_pictures_are_a_data_set_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: String| folder.path().join(name);
    // Slanted lines, and rings, each a bit elsewhere.
    for class in ["line", "ring"] {
        fs::create_dir_all(path(format!("shapes/{class}"))).unwrap();
    }
    let pens = pens();
    for i in 0..36u32 {
        let at = (f64::from(i % 6), f64::from(i / 6));
        for (class, pen) in [("line", &pens[1].1), ("ring", &pens[0].1)] {
            let drawing = pen.draw(30.0, at, [36, 36], 10, 200);
            drawing.save(path(format!("shapes/{class}/{i}.png"))).unwrap();
        }
    }
    let data = path("shapes".into());
    let args = ["--data", data.to_str().unwrap(), "--model", "lenet", "--batch-size", "10"];
    let out = path("run".into());
    let result = json(&out, &[&args[..], &["--epochs", "8"]].concat());
    assert_eq!(result["steps"], 8 * 6, "60 of 72 pictures are for training");
    assert_eq!(result["test_accuracy"], 1.0);
    let file = path("shapes/ring/5.png".into());
    let prediction = json(&out, &[&args[..], &["--predict", file.to_str().unwrap()]].concat());
    assert_eq!(prediction["prediction"], "ring");

    // With `train` and `test`; and the classes of both must be the same.
    let split = path("split".into());
    for part in ["train", "test"] {
        for class in ["line", "ring"] {
            fs::create_dir_all(split.join(part).join(class)).unwrap();
            fs::copy(data.join(class).join("1.png"), split.join(part).join(class).join("1.png")).unwrap();
        }
    }
    let args = ["--data", split.to_str().unwrap(), "--model", "mlp", "--epochs", "1", "--batch-size", "2"];
    assert_eq!(json(&path("other".into()), &args)["steps"], 1);
    fs::rename(split.join("test/ring"), split.join("test/round")).unwrap();
    let message = error(&path("another".into()), &args);
    assert!(
        message.contains("split/test: classes: found line, round, expected line, ring, as in train"),
        "{message}"
    );
}

#[test]
fn the_residual_net_learns_from_few_images() {
    let folder = tempfile::tempdir().unwrap();
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist");
    for (part, n) in [("train", 1500), ("t10k", 500)] {
        for name in [format!("{part}-images-idx3-ubyte"), format!("{part}-labels-idx1-ubyte")] {
            let whole = Idx::read(bundled.join(format!("{name}.gz"))).unwrap();
            let (mut dims, size) = (whole.dims().to_vec(), whole.bytes().len() / whole.dims()[0]);
            dims[0] = n;
            Idx::new(dims, whole.bytes()[..n * size].to_vec()).write(folder.path().join(name)).unwrap();
        }
    }
    let out = folder.path().join("run");
    let data = ["--data", folder.path().to_str().unwrap(), "--model", "resnet"];
    let result = json(&out, &[&data[..], &["--epochs", "3", "--batch-size", "32", "--ema", "0.9"]].concat());
    let accuracy = result["test_accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.9, "{result}");
}
