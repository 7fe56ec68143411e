//! What is not computed, not copied and not kept; and long tapes. Bytes are counted in `memory.rs`.

use std::cell::RefCell;
use std::rc::Rc;

use ravine_autograd::{Param, Tape, Var, record};
use ravine_tensor::{Rng, Tensor};

#[test]
fn the_gradient_by_the_input_of_the_first_layer_is_not_computed() {
    let params: Vec<Param> = (0..2).map(|_| Param::new(Tensor::ones([4, 4]))).collect();
    let products = |x: &Tape, input: Var| {
        let hidden = input.matmul(&x.param(&params[0])).relu().matmul(&x.param(&params[1]));
        let loss = hidden.sum(..);
        let forward = x.account().rows.iter().find(|row| row.op == "matmul").unwrap().count;
        // Recorded, the derivative can be counted.
        let grads = loss.backward_create_graph();
        assert_eq!((forward, grads.len()), (2, 2));
        x.account().rows.iter().find(|row| row.op == "matmul").unwrap().count - forward
    };
    let tape = Tape::new();
    assert_eq!(products(&tape, tape.input(Tensor::ones([3, 4]))), 3);
    let tape = Tape::new();
    assert_eq!(products(&tape, tape.variable(Tensor::ones([3, 4]))), 4, "unless it is asked for");
}

#[test]
fn derivatives_are_asked_for_what_is_needed() {
    let (tape, asked) = (Tape::new(), Rc::new(RefCell::new(Vec::new())));
    let op = |a: &Var, b: &Var| {
        let (value, asked) = (a.value() + b.value(), asked.clone());
        record("asked", [a, b], value, move |dy, needs| {
            asked.borrow_mut().push(needs);
            [Some(dy.clone()), Some(dy.clone())]
        })
    };
    let [x, y] = [0; 2].map(|_| tape.variable(Tensor::scalar(1.0)));
    let c = tape.input(Tensor::scalar(1.0));
    op(&x, &c).backward();
    op(&c, &op(&x, &y)).backward();
    // By one of two variables alone.
    ravine_autograd::grad(&op(&x, &y), &[&y], false);
    assert_eq!(*asked.borrow(), [[true, false], [false, true], [true, true], [false, true]]);
}

#[test]
fn the_first_gradient_is_moved_and_the_others_are_added_in_place() {
    let tape = Tape::new();
    let x = tape.variable(Tensor::<f32>::ones([8]));
    let places = Rc::new(RefCell::new(Vec::new()));
    let op = |x: &Var| {
        let places = places.clone();
        record("fresh", [x], x.value().clone(), move |dy, _| {
            let dx = Tensor::<f32>::ones([8]);
            places.borrow_mut().push(dx.storage_span());
            [Some(dy.constant(dx))]
        })
    };
    let y = op(&x) + op(&x) + op(&x);
    let grads = y.sum(..).backward();
    let found = grads.wrt(&x).unwrap();
    assert_eq!(found.to_vec(), [3.0; 8]);
    assert_eq!((places.borrow().len(), found.storage_span()), (3, places.borrow()[0]));
}

#[test]
fn what_backward_has_passed_is_free() {
    // The first derivative to run is that of the last op; when the others run, what it kept is gone.
    struct Witness(Rc<RefCell<Vec<&'static str>>>, &'static str);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let (tape, log) = (Tape::new(), Rc::new(RefCell::new(Vec::new())));
    let op = |x: &Var, freed: &'static str, runs: &'static str| {
        let (witness, log) = (Witness(log.clone(), freed), log.clone());
        record("witness", [x], x.value().clone(), move |dy, _| {
            log.borrow_mut().push(runs);
            let _ = &witness;
            [Some(dy.clone())]
        })
    };
    let x = tape.variable(Tensor::scalar(1.0));
    let y = op(&op(&x, "first freed", "first runs"), "second freed", "second runs");
    y.backward_retained();
    assert_eq!(*log.borrow(), ["second runs", "first runs"]);
    log.borrow_mut().clear();
    y.backward();
    assert_eq!(*log.borrow(), ["second runs", "second freed", "first runs", "first freed"]);
}

#[test]
fn a_million_ops_neither_overflow_the_stack_in_backward_nor_in_drop() {
    let run = || {
        let tape = Tape::new();
        let x = tape.variable(Tensor::scalar(1.0f32));
        let mut y = &x + 0.0;
        for _ in 0..1_000_000 {
            y = y + 1e-6;
        }
        assert_eq!(tape.len(), 1_000_002);
        assert_eq!(y.backward().wrt(&x).unwrap().item(), 1.0);
        drop((x, y));
        // And once without a backward pass.
        let tape = Tape::new();
        let mut y = tape.variable(Tensor::scalar(1.0f32));
        for _ in 0..1_000_000 {
            y = y.exp();
        }
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

#[test]
fn a_recurrent_network_of_a_hundred_thousand_steps() {
    let run = || {
        let rng = &mut Rng::new(0);
        let (u, w) =
            (Param::new(Tensor::<f32>::randn([1, 4], rng)), Param::new(Tensor::randn([4, 4], rng) * 0.4));
        let tape = Tape::new();
        let x = tape.variable(Tensor::scalar(0.5).reshape([1, 1]));
        let (u_at, w_at) = (tape.param(&u), tape.param(&w));
        let drive = x.matmul(&u_at);
        let mut h = tape.input(Tensor::zeros([1, 4]));
        for _ in 0..100_000 {
            h = (h.matmul(&w_at) + &drive).tanh();
        }
        assert!(tape.len() > 299_000);
        let grads = h.sum(..).backward();
        let found = grads.get(&w).unwrap();
        assert!(found.iter().all(|g| g.is_finite()) && found.norm_squared() > 0.0);
        assert!(grads.wrt(&x).unwrap().item().abs() > 1e-6);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
}

/// The engine, which records and goes back, can be read in one sitting: it is about 600 lines, not counting comments and blank lines.
#[test]
fn the_engine_is_small() {
    let code = |room: &str| {
        let text = std::fs::read_to_string(format!("{}/src/{room}.rs", env!("CARGO_MANIFEST_DIR"))).unwrap();
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count()
    };
    let lines: usize = ["tape", "var", "sweep", "backward"].map(code).iter().sum();
    println!("{lines} lines");
    assert!((300..640).contains(&lines), "{lines} lines");
}
