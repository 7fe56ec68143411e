//! Learns to write psalms, character by character.
//!
//! ```text
//! cargo run --release --example char_transformer              writes runs/char_transformer/report.html
//! cargo run --release --example char_transformer -- --text FILE --prompt 'It was '
//! ```
//!
//! Eight epochs bring it to 1.82 bits per character of psalms that it has not seen, where the yardstick needs 2.48; then it writes, beginning with what
//! `--prompt` says:
//!
//! ```text
//! The LORD our God his loving: for the LORD from the up: they wrought the enderst in the wicked of thee, and peept the righteousness and the called unto the LORD.
//! And is he righteousness with me; O my soul of the truth of the LORD will grass be his done all the people in the LORD.
//! ```
//!
//! The model is a transformer that sees nothing but what came before (Radford et al. 2018, 'Improving language understanding by generative
//! pre-training'), with rotary positions. The last tenth of the text is kept for the test. The yardstick is a table of what follows each pair of characters.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ravine::data::{DataError, Pick};
use ravine::prelude::*;
use ravine_examples::{TrainFlags, above_zero, finished, positive, share, start};

/// Trains a small transformer on a text and lets it write.
#[derive(Parser)]
struct Args {
    /// The text [default: the bundled Psalms].
    #[arg(long)]
    text: Option<PathBuf>,
    /// Epochs: passes over the text.
    #[arg(long, default_value_t = 8, value_parser = above_zero::<usize>)]
    epochs: usize,
    /// Pieces of text per step.
    #[arg(long, default_value_t = 16, value_parser = above_zero::<usize>)]
    batch_size: usize,
    /// How many characters the model sees at once.
    #[arg(long, default_value_t = 96, value_parser = above_zero::<usize>)]
    context: usize,
    /// Numbers for each character.
    #[arg(long, default_value_t = 96, value_parser = above_zero::<usize>)]
    features: usize,
    /// Layers of the transformer.
    #[arg(long, default_value_t = 3)]
    layers: usize,
    /// Heads of each layer.
    #[arg(long, default_value_t = 4, value_parser = above_zero::<usize>)]
    heads: usize,
    /// The peak learning rate.
    #[arg(long, default_value_t = 3e-3, value_parser = positive::<f64>)]
    lr: f64,
    /// The dropout probability.
    #[arg(long, default_value_t = 0.1, value_parser = share)]
    dropout: f64,
    /// How the sample begins.
    #[arg(long, default_value = "The LORD ")]
    prompt: String,
    /// How many characters to write.
    #[arg(long, default_value_t = 500)]
    sample: usize,
    /// Below 1, likely characters become likelier.
    #[arg(long, default_value_t = 0.7, value_parser = positive::<f64>)]
    temperature: f64,
    #[command(flatten)]
    run: TrainFlags,
}

// ------------------------------------------------------------------------------------------------------------------ text

/// The characters that occur; the index of each is its token.
struct Vocabulary {
    characters: Vec<char>,
    numbers: HashMap<char, i64>,
}

impl Vocabulary {
    fn of(text: &str) -> Self {
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        let numbers = characters.iter().zip(0..).map(|(&c, i)| (c, i)).collect();
        Vocabulary { characters, numbers }
    }

    fn numbers(&self, text: &str) -> Result<Vec<i64>, String> {
        let number =
            |c| self.numbers.get(&c).copied().ok_or_else(|| format!("{c:?} does not occur in the text"));
        text.chars().map(number).collect()
    }
}

/// Pieces of `context + 1` characters: all but the last are the input, all but the first the targets.
struct Pieces {
    text: Vec<i64>,
    context: usize,
    /// The seed of random offsets, new in every epoch; `None`: consecutive pieces.
    seed: Option<u64>,
}

impl Dataset for Pieces {
    type Batch = Tensor<i64>;

    fn len(&self) -> usize {
        (self.text.len() - 1) / self.context
    }

    fn batch(&self, pick: Pick<'_>) -> Result<Self::Batch, DataError> {
        let last = self.text.len() - self.context;
        let begin = |&i: &usize| match self.seed {
            None => i * self.context,
            Some(seed) => {
                let mut rng = Rng::new(seed).child(pick.epoch as u64).child(i as u64);
                (Tensor::<f64>::uniform((), 0.0, 1.0, &mut rng).item() * last as f64) as usize
            }
        };
        let starts: Vec<usize> = pick.indices.iter().map(begin).collect();
        let width = self.context + 1;
        Ok(Tensor::from_fn([starts.len(), width], |at| self.text[starts[at / width] + at % width]))
    }
}

/// What the test text costs, in bits per character, by the counts of what follows each pair of characters in the training text.
fn bits_by_pairs(train: &[i64], test: &[i64], characters: usize) -> f64 {
    let mut counts: HashMap<&[i64], HashMap<i64, usize>> = HashMap::new();
    for three in train.windows(3) {
        *counts.entry(&three[..2]).or_default().entry(three[2]).or_default() += 1;
    }
    let bits = |three: &[i64]| {
        let after = counts.get(&three[..2]);
        let (seen, all) =
            after.map_or((0, 0), |after| (after.get(&three[2]).copied().unwrap_or(0), after.values().sum()));
        // Additive smoothing for pairs that never occur.
        let share = 0.1;
        -((seen as f64 + share) / (all as f64 + share * characters as f64)).log2()
    };
    test.windows(3).map(bits).sum::<f64>() / (test.len() - 2) as f64
}

// ----------------------------------------------------------------------------------------------------------------- model

/// Characters `[batch, length]` to logits of the next one, `[batch, length, characters]`.
#[derive(Module)]
struct Writer {
    embedding: Embedding,
    encoder: TransformerEncoder,
    output: Linear,
}

impl Writer {
    fn new(characters: usize, args: &Args, rng: &mut Rng) -> Self {
        let layer = |rng: &mut Rng| {
            let layer = TransformerEncoderLayer::new(args.features, args.heads, rng).norm_first().gelu();
            layer.dropout(args.dropout).rotary(args.context)
        };
        Writer {
            embedding: Embedding::new(characters, args.features, rng),
            encoder: TransformerEncoder::new((0..args.layers).map(|_| layer(rng)).collect())
                .norm(LayerNorm::new(args.features)),
            output: Linear::new(args.features, characters, rng),
        }
    }

    fn forward(&self, tape: &Tape, characters: &Tensor<i64>) -> Var {
        let x = self.embedding.forward(tape, characters);
        self.output.forward(&self.encoder.forward_masked(&x, &Mask::causal()))
    }

    /// Goes on from `text`, one character after another.
    fn write(&self, mut text: Vec<i64>, args: &Args) -> Vec<i64> {
        let mut rng = Rng::new(args.run.seed);
        let bar = Progress::auto().task("writing", args.sample);
        for _ in 0..args.sample {
            let seen = &text[text.len().saturating_sub(args.context)..];
            let input = Tensor::from_slice(seen, [1, seen.len()]);
            let logits = self.forward(&Tape::eval(), &input).value().index(0, 0).index(0, seen.len() - 1);
            let probs = (logits / args.temperature as f32).softmax();
            // Sampling by the inverse of the cumulative distribution.
            let mut left = Tensor::<f32>::uniform((), 0.0, 1.0, &mut rng).item();
            let next = probs.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            text.push(next.unwrap_or(probs.numel() - 1) as i64);
            bar.advance(1);
        }
        text
    }
}

// ------------------------------------------------------------------------------------------------------------------- run

fn main() -> ExitCode {
    start(run)
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let bundled = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/psalms/psalms.txt"));
    let path = args.text.clone().unwrap_or_else(bundled);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let vocabulary = Vocabulary::of(&text);
    let mut numbers = vocabulary.numbers(&text)?;
    if numbers.len() < 30 {
        let (path, found) = (path.display(), numbers.len());
        return Err(format!("{path}: found {found} characters, expected at least 30").into());
    }
    let test = numbers.split_off(numbers.len() * 9 / 10);
    if args.context > test.len() - 2 {
        return Err(format!("--context: found {}, expected at most {}", args.context, test.len() - 2).into());
    }
    if !args.features.is_multiple_of(args.heads.saturating_mul(2)) {
        let (features, heads) = (args.features, args.heads);
        return Err(
            format!("--features: found {features}, expected a multiple of twice --heads, {heads}").into()
        );
    }
    let by_pairs = bits_by_pairs(&numbers, &test, vocabulary.characters.len());
    let prompt = vocabulary.numbers(&args.prompt).map_err(|error| format!("--prompt: {error}"))?;
    if prompt.is_empty() {
        return Err("--prompt: found nothing, expected at least one character".into());
    }
    let train = Pieces { text: numbers, context: args.context, seed: Some(args.run.seed) };
    let test = Pieces { text: test, context: args.context, seed: None };

    let model = Writer::new(vocabulary.characters.len(), args, &mut Rng::new(args.run.seed));
    let steps = args.epochs.saturating_mul(train.len().div_ceil(args.batch_size)) as u64;
    let schedule = Cosine::new(args.lr, steps - steps / 10).warmup(steps / 10);
    // Weight decay is for matrices, not for biases and norms.
    let mut optimizer = Optimizer::new(&model, AdamW::default(), schedule)
        .weight_decay(0.1)
        .group(Group::new(|_, shape| shape.rank() < 2).weight_decay(0.0))
        .clip_norm(1.0);
    eprintln!(
        "{} parameters, {} characters to learn from, {} to test on",
        model.num_params(),
        train.text.len(),
        test.text.len()
    );
    let report = args
        .run
        .trainer(&args.run.folder("char_transformer"))?
        .epochs(args.epochs)
        .batch_size(args.batch_size)
        .note("model", "transformer")
        .note("learning rate", args.lr)
        .note("text", path.display())
        .run(&model, &mut optimizer, &train, Some(&test), |tape, pieces| {
            let (n, context) = (pieces.size(0), pieces.size(1) - 1);
            let logits = model.forward(tape, &pieces.narrow(1, 0, context));
            let loss = logits.cross_entropy(&pieces.narrow(1, 1, context));
            let bits = f64::from(loss.item()) / std::f64::consts::LN_2;
            Outcome::new(loss, n).metric("bits_per_character", bits * n as f64)
        })?;

    let bits = finished(&report)?.metric("bits_per_character");
    let sample = model.write(prompt, args).into_iter().map(|i| vocabulary.characters[i as usize]);
    let sample: String = sample.collect();
    if args.run.json {
        let result = serde_json::json!({
            "epochs": report.epochs,
            "steps": report.steps,
            "bits_per_character": bits,
            "bits_by_pairs": by_pairs,
            "sample": sample,
            "seconds": begin.elapsed().as_secs_f64(),
        });
        println!("{result}");
    } else {
        let bits = bits.unwrap_or(f64::NAN);
        println!(
            "{sample}\n\n{bits:.3} bits per character of the test text; by pairs of characters it would be {by_pairs:.3}"
        );
    }
    Ok(())
}
