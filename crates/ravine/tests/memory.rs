//! What a training step takes from the system's allocator once it has settled: nothing large.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ravine::prelude::*;
use ravine::tensor::storage;
use ravine::train::data_parallel;

/// An allocation of this size counts as large.
const LARGE: usize = 16 << 10;

static LARGE_ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which counts.
struct Counting;

impl Counting {
    fn count(size: usize) {
        if size >= LARGE {
            LARGE_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// SAFETY: every call is passed on to the system's allocator as it came.
#[allow(clippy::undocumented_unsafe_blocks)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::count(size);
        unsafe { System.realloc(ptr, layout, size) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The tests look at what the whole process allocates, so one runs at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn a_settled_training_step_makes_no_large_allocation() {
    let _alone = ALONE.lock();
    let rng = &mut Rng::new(0);
    // Every kind of convolution kernel: few channels, transformed tiles, stride, depthwise.
    let model = sequential![
        Conv2d::new(1, 16, 3, rng).padding(1),
        Relu,
        MaxPool2d::new(2),
        Conv2d::new(16, 16, 3, rng),
        Relu,
        Conv2d::grouped(16, 16, 3, 16, rng),
        Relu,
        Conv2d::new(16, 8, 3, rng).stride(2),
        Relu,
        Flatten,
        Linear::new(128, 300, rng),
        Relu,
        Linear::new(300, 10, rng),
    ];
    let mut optimizer = Optimizer::new(&model, Adam::default(), 1e-3);
    let images = Tensor::<f32>::randn([32, 1, 28, 28], rng);
    let labels: Tensor<i64> = Tensor::from_fn(32, |i| i as i64 % 10);
    let mut step = |number: u64| {
        let rng = Rng::new(number);
        let found = data_parallel(&[(16, 0), (16, 16)], &rng, |tape, &first| {
            let logits = model.forward(&tape.input(images.narrow(0, first, 16)));
            Ok::<_, std::convert::Infallible>(Outcome::classification(&logits, &labels.narrow(0, first, 16)))
        });
        optimizer.step(found.unwrap().gradients).unwrap();
    };
    // One thread: how many buffers two threads hold at the same moment is chance.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let allocations = || (LARGE_ALLOCATIONS.load(Ordering::Relaxed), storage::stats().system_allocations);
    let (before, after) = pool.install(|| {
        (0..5).for_each(&mut step);
        let before = allocations();
        (5..15).for_each(&mut step);
        (before, allocations())
    });
    assert_eq!(before, after, "large allocations and blocks for tensors, before ten steps and after");
}

#[test]
fn freed_memory_is_kept_up_to_a_bound_and_given_back_when_asked() {
    let _alone = ALONE.lock();
    storage::trim();
    let many = 300 << 20;
    drop((0..300).map(|_| Tensor::<f32>::zeros([1 << 18])).collect::<Vec<_>>());
    assert!(storage::stats().cached >= many);
    // Sizes that are wanted once each: 360 MiB together. Those that no longer are make room.
    for megabytes in 1..20 {
        for part in 0..16 {
            drop(Tensor::<u8>::zeros([(megabytes << 20) + (part << 16)]));
            let held = storage::stats().system_bytes;
            assert!(held <= many + storage::MAX_IDLE + (1 << 20), "{held} bytes are held");
        }
    }
    storage::trim();
    assert_eq!(storage::stats().cached, 0);
}
