//! In a process of its own, where no other test takes blocks of memory or gives them back.

use ravine_tensor::{Tensor, storage};

#[test]
fn a_dropped_block_is_used_again() {
    let use_one = || drop(Tensor::<f64>::ones(777_777));
    use_one();
    let before = storage::stats();
    assert!(before.cached >= 777_777 * size_of::<f64>());
    use_one();
    assert_eq!(storage::stats(), before);
}
