//! Reading an equation such as `bij,bjk->bik`.

use std::fmt;

use crate::{MAX_RANK, Shape};

/// An equation that cannot be parsed, or does not fit the operands; the message marks the position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EinsumError {
    equation: String,
    /// The position in the equation, in characters.
    at: usize,
    message: String,
}

impl fmt::Display for EinsumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EinsumError { equation, at, message } = self;
        write!(f, "einsum: {message}\n  {equation}\n  {:at$}^", "")
    }
}

impl std::error::Error for EinsumError {}

/// The name of an axis: a letter, or its place under the ellipsis, counted from the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    Dots(std::cmp::Reverse<usize>),
    Letter(char),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Letter(letter) => write!(f, "'{letter}'"),
            Label::Dots(place) => write!(f, "axis {} from the right under the ellipsis", place.0),
        }
    }
}

/// The letters of one operand or of the output.
#[derive(Default)]
struct Term {
    start: usize,
    letters: Vec<(char, usize)>,
    /// The number of letters before the ellipsis, and its position in the equation.
    dots: Option<(usize, usize)>,
}

impl Term {
    /// The names of the axes and their places in the equation, `dots` of them under the ellipsis.
    fn labels(&self, dots: usize) -> Vec<(Label, usize)> {
        let mut labels: Vec<_> = self.letters.iter().map(|&(c, at)| (Label::Letter(c), at)).collect();
        if let Some((before, at)) = self.dots {
            let hidden = (0..dots).rev().map(|place| (Label::Dots(std::cmp::Reverse(place)), at));
            labels.splice(before..before, hidden);
        }
        labels
    }
}

/// A parsed equation.
pub struct Equation {
    text: String,
    inputs: Vec<Term>,
    output: Option<Term>,
}

/// The names of all axes: of each operand (with their sizes), and of the output.
pub struct Named {
    pub operands: Vec<Vec<Label>>,
    pub output: Vec<Label>,
}

impl Equation {
    fn error<T>(&self, at: usize, message: String) -> Result<T, EinsumError> {
        Err(EinsumError { equation: self.text.clone(), at, message })
    }

    /// Reads an equation.
    pub fn parse(text: &str) -> Result<Equation, EinsumError> {
        let mut equation = Equation { text: text.to_owned(), inputs: vec![Term::default()], output: None };
        let characters: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < characters.len() {
            let rest = &characters[at..];
            let term = match &mut equation.output {
                Some(output) => output,
                None => equation.inputs.last_mut().expect("there is always one"),
            };
            at += match rest {
                [c, ..] if c.is_whitespace() => 1,
                [c, ..] if c.is_alphabetic() => {
                    term.letters.push((*c, at));
                    1
                }
                ['.', '.', '.', ..] => {
                    if term.dots.is_some() {
                        return equation.error(at, "a second ellipsis in one term".into());
                    }
                    term.dots = Some((term.letters.len(), at));
                    3
                }
                ['.', ..] => return equation.error(at, "an ellipsis has three dots".into()),
                [',', ..] => {
                    if equation.output.is_some() {
                        return equation.error(at, "the output is one term".into());
                    }
                    equation.inputs.push(Term { start: at + 1, ..Term::default() });
                    1
                }
                ['-', '>', ..] => {
                    if equation.output.is_some() {
                        return equation.error(at, "a second `->`".into());
                    }
                    equation.output = Some(Term { start: at + 2, ..Term::default() });
                    2
                }
                _ => {
                    let message = format!("'{}' is not a letter, a comma, `...` or `->`", rest[0]);
                    return equation.error(at, message);
                }
            };
        }
        equation.check_output()?;
        Ok(equation)
    }

    fn check_output(&self) -> Result<(), EinsumError> {
        let Some(output) = &self.output else { return Ok(()) };
        for (i, &(letter, at)) in output.letters.iter().enumerate() {
            if output.letters[..i].iter().any(|&(earlier, _)| earlier == letter) {
                return self.error(at, format!("'{letter}' occurs twice in the output"));
            }
            if !self.inputs.iter().any(|term| term.letters.iter().any(|&(c, _)| c == letter)) {
                return self.error(at, format!("'{letter}' of the output is in no operand"));
            }
        }
        match output.dots {
            Some((_, at)) if self.inputs.iter().all(|term| term.dots.is_none()) => {
                self.error(at, "an ellipsis in the output, but in no operand".into())
            }
            _ => Ok(()),
        }
    }

    /// Checks that no intermediate result, as operands are contracted from left to right, has more axes than a tensor may have.
    fn check_ranks(&self, operands: &[Vec<Label>], output: &[Label]) -> Result<(), EinsumError> {
        for (i, term) in self.inputs.iter().enumerate() {
            let mut left = operands[..=i].concat();
            left.sort();
            left.dedup();
            left.retain(|label| {
                output.contains(label) || operands[i + 1..].iter().flatten().any(|l| l == label)
            });
            if left.len() > MAX_RANK {
                let message = format!("{} axes are left after operand {i}: more than {MAX_RANK}", left.len());
                return self.error(term.start, message);
            }
        }
        Ok(())
    }

    /// The names of the axes of operands with these shapes, whose sizes must agree or be 1.
    pub fn name(&self, shapes: &[&Shape]) -> Result<Named, EinsumError> {
        if shapes.len() != self.inputs.len() {
            let message = format!("{} terms for {} operands", self.inputs.len(), shapes.len());
            return self.error(self.text.chars().count(), message);
        }
        let mut sizes: Vec<(Label, usize)> = vec![];
        let (mut operands, mut most_dots) = (vec![], 0);
        for (i, (term, shape)) in self.inputs.iter().zip(shapes).enumerate() {
            let named = term.letters.len();
            let dots = shape.rank().checked_sub(named).filter(|&dots| dots == 0 || term.dots.is_some());
            let Some(dots) = dots else {
                let message = format!("the term names {named} axes, but operand {i} has shape {shape}");
                return self.error(term.start, message);
            };
            most_dots = most_dots.max(dots);
            let labels = term.labels(dots);
            for (axis, (&(label, at), &size)) in labels.iter().zip(shape.iter()).enumerate() {
                // On a diagonal sizes must be equal; between operands size 1 broadcasts.
                let twice = labels[..axis].iter().position(|&(earlier, _)| earlier == label);
                let before = match twice {
                    Some(earlier) => Some(shape[earlier]).filter(|&n| n != size),
                    None => sizes
                        .iter()
                        .find(|&&(earlier, n)| earlier == label && n != size && n != 1 && size != 1)
                        .map(|&(_, n)| n),
                };
                if let Some(n) = before {
                    let message =
                        format!("{label} has size {n} before, but {size} in operand {i} of shape {shape}");
                    return self.error(at, message);
                }
                sizes.push((label, size));
            }
            operands.push(labels.into_iter().map(|(label, _)| label).collect());
        }
        let output = match &self.output {
            Some(output) => output.labels(most_dots).into_iter().map(|(label, _)| label).collect(),
            None => {
                let mut once: Vec<Label> = operands.iter().flatten().copied().collect();
                once.sort();
                let all = once.clone();
                let dots = |label: &Label| matches!(label, Label::Dots(_));
                once.dedup();
                once.retain(|label| dots(label) || all.iter().filter(|&other| other == label).count() == 1);
                once
            }
        };
        self.check_ranks(&operands, &output)?;
        Ok(Named { operands, output })
    }
}
