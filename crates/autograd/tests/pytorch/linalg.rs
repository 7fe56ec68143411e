//! Equations and factorizations of matrices.

use ravine_autograd::Var;

pub const FILE: &str = include_str!("../data/linalg.json");

pub fn run(name: &str, x: &[&Var<f64>]) -> Var<f64> {
    let symmetric = || x[0].matmul(&x[0].t());
    match name {
        "solve" => x[0].solve(x[1]).unwrap(),
        "solve_triangular" => x[0].solve_triangular(x[1], true).unwrap(),
        "inverse" => x[0].inverse().unwrap(),
        "det" | "det_singular" => x[0].det(),
        "slogdet" => x[0].slogdet().1,
        "cholesky" => symmetric().cholesky().unwrap(),
        "qr" => x[0].qr().unwrap().1,
        "qr_wide" => x[0].qr().unwrap().1,
        "eigenvalues" => symmetric().eigh().unwrap().0,
        "eigenvectors" => symmetric().eigh().unwrap().1.square(),
        "singular_values" => x[0].svd().unwrap().1,
        "left_vectors" => x[0].svd().unwrap().0.square(),
        "right_vectors" => x[0].svd().unwrap().2.square(),
        _ => panic!("{name} is in the file, but not here"),
    }
}
