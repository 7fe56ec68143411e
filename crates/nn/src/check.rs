//! Checks of constructor arguments: an invalid size or rate is a panic that names layer and field.

/// A size for each of `AXES` axes: one number for all of them, or an array with one for each (height before width).
pub trait Sizes<const AXES: usize> {
    /// One for each.
    fn each(self) -> [usize; AXES];
}

impl<const AXES: usize> Sizes<AXES> for usize {
    fn each(self) -> [usize; AXES] {
        [self; AXES]
    }
}

impl<const AXES: usize> Sizes<AXES> for [usize; AXES] {
    fn each(self) -> [usize; AXES] {
        self
    }
}

#[track_caller]
pub(crate) fn positive(layer: &str, fields: &[(&str, usize)]) {
    for (field, size) in fields {
        assert!(*size > 0, "{layer}: {field} is 0; expected at least 1");
    }
}

#[track_caller]
pub(crate) fn each_positive<const AXES: usize>(layer: &str, field: &str, sizes: [usize; AXES]) {
    assert!(!sizes.contains(&0), "{layer}: {field} is {sizes:?}; expected at least 1");
}

/// `groups` divides all that `channels` names.
#[track_caller]
pub(crate) fn divides(layer: &str, divisor: (&str, usize), multiples: &[(&str, usize)]) {
    let (field, divisor) = divisor;
    for (name, multiple) in multiples {
        assert!(
            multiple.is_multiple_of(divisor),
            "{layer}: {field} is {divisor}; expected a divisor of {name}, which is {multiple}"
        );
    }
}

#[track_caller]
pub(crate) fn probability(layer: &str, field: &str, p: f64) {
    assert!((0.0..1.0).contains(&p), "{layer}: {field} is {p}; expected 0 <= {field} < 1");
}

#[track_caller]
pub(crate) fn eps(layer: &str, eps: f64) {
    assert!(eps > 0.0, "{layer}: eps is {eps}; expected more than 0");
}
