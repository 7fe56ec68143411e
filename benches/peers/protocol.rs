//! Shared by the peers in Rust: the protocol of protocol.py.

use std::time::Instant;

pub const SECTIONS: usize = 3;
const MIN_SECS: f64 = 3.0;
const MAX_SECS: f64 = 10.0;

pub struct Spec {
    pub batch: usize,
    pub warm: Option<usize>,
    pub steps: Option<usize>,
}

pub fn spec(w: &str) -> Spec {
    let (batch, warm, steps) = match w {
        "W1" | "W3" => (64, None, None),
        "W2" => (128, None, None),
        "W4" => (64, Some(100), Some(150)),
        _ => panic!("no workload {w}"),
    };
    Spec { batch, warm, steps }
}

pub fn arg(name: &str) -> Option<String> {
    let mut it = std::env::args();
    while let Some(a) = it.next() {
        if a == format!("--{name}") {
            return it.next();
        }
    }
    None
}

pub fn since_process_start() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let ticks: f64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
    let up = std::fs::read_to_string("/proc/uptime").unwrap();
    up.split_whitespace().next().unwrap().parse::<f64>().unwrap() - ticks / 100.0
}

pub fn peak_rss_mib() -> f64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    let l = s.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    l.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

pub struct Reporter {
    pub peer: String,
    pub version: String,
    pub workload: String,
}

impl Reporter {
    pub fn emit(&self, metric: &str, values: &[f64]) {
        let mut v = values.to_vec();
        v.sort_by(f64::total_cmp);
        let n = v.len();
        // a thread count other than the machine's two is shown in the peer's name
        let th = std::env::var("RAYON_NUM_THREADS").map_or(String::new(), |t| format!("-{t}t"));
        let med = if n % 2 == 1 { v[n / 2] } else { 0.5 * (v[n / 2 - 1] + v[n / 2]) };
        println!(
            "{{\"peer\": \"{}{th}\", \"version\": \"{}\", \"workload\": \"{}\", \"metric\": \"{}\", \
             \"median\": {:.6}, \"min\": {:.6}, \"max\": {:.6}}}",
            self.peer, self.version, self.workload, metric, med, v[0], v[n - 1]
        );
    }
}

/// xorshift64*; enough for shuffles and weight draws.
#[derive(Clone)]
pub struct Rng(pub u64);
impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
    pub fn below(&mut self, n: usize) -> usize {
        ((self.next() >> 11) % n as u64) as usize
    }
}

pub struct Mnist {
    pub x: Vec<f32>,
    pub y: Vec<u8>,
    pub tx: Vec<f32>,
    pub ty: Vec<u8>,
}

pub fn load_mnist(dir: &str) -> Mnist {
    let img = |p: &str| -> Vec<f32> {
        let b = std::fs::read(format!("{dir}/{p}-images-idx3-ubyte")).unwrap();
        b[16..].iter().map(|&v| (v as f32 / 255.0 - 0.1307) / 0.3081).collect()
    };
    let lab = |p: &str| std::fs::read(format!("{dir}/{p}-labels-idx1-ubyte")).unwrap()[8..].to_vec();
    Mnist { x: img("train"), y: lab("train"), tx: img("t10k"), ty: lab("t10k") }
}

impl Mnist {
    pub fn n(&self) -> usize {
        self.y.len()
    }
    pub fn gather(&self, idx: &[usize]) -> Vec<f32> {
        let mut out = Vec::with_capacity(idx.len() * 784);
        for &i in idx {
            out.extend_from_slice(&self.x[i * 784..(i + 1) * 784]);
        }
        out
    }
}

/// Endless shuffled index batches; `ended` is true right after an epoch's last batch.
pub struct Batches {
    perm: Vec<usize>,
    b: usize,
    i: usize,
    pub per_epoch: usize,
    pub ended: bool,
    rng: Rng,
}

impl Batches {
    pub fn new(n: usize, b: usize) -> Self {
        Batches { perm: (0..n).collect(), b, i: 0, per_epoch: n / b, ended: false, rng: Rng(88172645463325252) }
    }
    pub fn next(&mut self) -> Vec<usize> {
        if self.i == 0 {
            for k in (1..self.perm.len()).rev() {
                let j = self.rng.below(k + 1);
                self.perm.swap(k, j);
            }
        }
        let out = self.perm[self.i * self.b..(self.i + 1) * self.b].to_vec();
        self.i += 1;
        self.ended = self.i == self.per_epoch;
        if self.ended {
            self.i = 0;
        }
        out
    }
}

/// What a peer gives: one training step, and (optionally) the test accuracy.
pub trait Trainer {
    fn step(&mut self, idx: &[usize]);
    fn sync(&mut self) {}
    fn accuracy(&mut self) -> Option<f64> {
        None
    }
}

pub fn run_training(rep: &Reporter, n: usize, t: &mut dyn Trainer) {
    let s = spec(&rep.workload);
    let mut b = Batches::new(n, s.batch);
    t.step(&b.next());
    t.sync();
    rep.emit("start_to_first_step_s", &[since_process_start()]);
    for _ in 1..s.warm.unwrap_or(b.per_epoch) {
        t.step(&b.next());
    }
    t.sync();
    if s.warm.is_none() {
        if let Some(a) = t.accuracy() {
            rep.emit("test_acc_1_epoch", &[a]);
        }
    }
    let mut rates = vec![];
    for _ in 0..SECTIONS {
        let (mut k, t0) = (0usize, Instant::now());
        loop {
            t.step(&b.next());
            k += 1;
            if let Some(m) = s.steps {
                if k == m {
                    break;
                }
            } else if b.ended {
                t.sync();
                if t0.elapsed().as_secs_f64() >= MIN_SECS {
                    break;
                }
            }
            if k % 10 == 0 && t0.elapsed().as_secs_f64() >= MAX_SECS {
                break;
            }
        }
        t.sync();
        rates.push((k * s.batch) as f64 / t0.elapsed().as_secs_f64());
    }
    rep.emit("train_images_per_s", &rates);
    if s.warm.is_some() {
        if let Some(a) = t.accuracy() {
            rep.emit("test_acc_end", &[a]);
        }
    }
    rep.emit("peak_rss_mib", &[peak_rss_mib()]);
}
