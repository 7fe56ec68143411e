//! The models: images `[batch, 1, 28, 28]` to logits `[batch, 10]`, or of another size and for another number of classes.

use clap::ValueEnum;
use ravine::prelude::*;

/// What to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// 784-128-10.
    Mlp,
    /// LeNet-5 with ReLU and max pooling.
    Lenet,
    /// Two 3x3 convolutions of 32 and 64 channels, max pooling, 9216-128-10.
    Cnn,
    /// A small network with batch norm and dropout.
    Bn,
    /// Three residual blocks with batch norm, of 32 to 64 channels.
    Resnet,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Mlp => "mlp",
            Kind::Lenet => "lenet",
            Kind::Cnn => "cnn",
            Kind::Bn => "bn",
            Kind::Resnet => "resnet",
        }
    }

    /// The least height and width of the images that it is for.
    fn least(self) -> usize {
        match self {
            Kind::Mlp => 1,
            Kind::Lenet => 12,
            Kind::Cnn => 6,
            Kind::Bn => 10,
            Kind::Resnet => 4,
        }
    }

    /// A new model for images of this shape (channels, height, width) and so many classes.
    ///
    /// # Errors
    /// If the images are too small for it.
    pub fn build(
        self,
        shape: [usize; 3],
        classes: usize,
        rng: &mut Rng,
    ) -> Result<Box<dyn Layer + Send + Sync>, String> {
        let ([_, height, width], least) = (shape, self.least());
        if height.min(width) < least {
            let name = self.name();
            return Err(format!(
                "--data: found images of {height}x{width}, expected at least {least}x{least} for {name}"
            ));
        }
        Ok(match self {
            Kind::Mlp => Box::new(Mlp::new(shape, classes, rng)),
            Kind::Lenet => Box::new(LeNet::new(shape, classes, rng)),
            Kind::Cnn => Box::new(cnn(shape, classes, rng)),
            Kind::Bn => Box::new(with_batch_norm(shape, classes, rng)),
            Kind::Resnet => Box::new(resnet(shape[0], classes, rng)),
        })
    }
}

/// 784-128-10.
#[derive(Module)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Mlp {
    fn new(shape: [usize; 3], classes: usize, rng: &mut Rng) -> Self {
        let pixels = shape.iter().product();
        Mlp { hidden: Linear::new(pixels, 128, rng), output: Linear::new(128, classes, rng) }
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var) -> Var {
        self.output.forward(&self.hidden.forward(&x.flatten(1)).relu())
    }
}

/// LeCun et al. 1998, with today's activation and pooling.
#[derive(Module)]
struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    output: Linear,
}

impl LeNet {
    fn new([channels, height, width]: [usize; 3], classes: usize, rng: &mut Rng) -> Self {
        let pooled = |size: usize| (size / 2 - 4) / 2;
        LeNet {
            conv1: Conv2d::new(channels, 6, 5, rng).padding(2),
            conv2: Conv2d::new(6, 16, 5, rng),
            fc1: Linear::new(16 * pooled(height) * pooled(width), 120, rng),
            fc2: Linear::new(120, 84, rng),
            output: Linear::new(84, classes, rng),
        }
    }
}

impl Layer for LeNet {
    fn forward(&self, x: &Var) -> Var {
        let pool = MaxPool2d::new(2);
        let x = pool.forward(&self.conv1.forward(x).relu()); // [batch, 6, 14, 14]
        let x = pool.forward(&self.conv2.forward(&x).relu()); // [batch, 16, 5, 5]
        let x = self.fc1.forward(&x.flatten(1)).relu();
        self.output.forward(&self.fc2.forward(&x).relu())
    }
}

/// The same can be said as a chain.
fn cnn([channels, height, width]: [usize; 3], classes: usize, rng: &mut Rng) -> Sequential {
    let pooled = |size: usize| (size - 4) / 2;
    sequential![
        Conv2d::new(channels, 32, 3, rng),
        Relu,
        Conv2d::new(32, 64, 3, rng),
        Relu,
        MaxPool2d::new(2),
        Flatten,
        Linear::new(64 * pooled(height) * pooled(width), 128, rng),
        Relu,
        Linear::new(128, classes, rng),
    ]
}

/// Batch norm and dropout ask the tape whether this is training.
fn with_batch_norm([channels, height, width]: [usize; 3], classes: usize, rng: &mut Rng) -> Sequential {
    let pooled = |size: usize| ((size - 2) / 2 - 2) / 2;
    sequential![
        Conv2d::new(channels, 8, 3, rng).no_bias(),
        BatchNorm2d::new(8),
        Relu,
        MaxPool2d::new(2),
        Conv2d::new(8, 16, 3, rng).no_bias(),
        BatchNorm2d::new(16),
        Relu,
        MaxPool2d::new(2),
        Flatten,
        Dropout::new(0.1),
        Linear::new(16 * pooled(height) * pooled(width), classes, rng),
    ]
}

/// Three residual blocks (He et al. 2016), made smaller by pooling rather than by strides, for images of any size.
fn resnet(channels: usize, classes: usize, rng: &mut Rng) -> Sequential {
    sequential![
        normalized(channels, 32, 3, rng),
        Relu,
        MaxPool2d::new(2),
        Residual::new(two(32, 32, rng)),
        Relu,
        Residual::new(two(32, 64, rng)).shortcut(normalized(32, 64, 1, rng)),
        Relu,
        MaxPool2d::new(2),
        Residual::new(two(64, 64, rng)),
        Relu,
        GlobalAvgPool,
        Linear::new(64, classes, rng),
    ]
}

/// A convolution that keeps the size, and batch norm.
fn normalized(from: usize, to: usize, kernel: usize, rng: &mut Rng) -> Sequential {
    sequential![Conv2d::new(from, to, kernel, rng).padding(kernel / 2).no_bias(), BatchNorm2d::new(to)]
}

/// What a block adds.
fn two(from: usize, to: usize, rng: &mut Rng) -> Sequential {
    sequential![normalized(from, to, 3, rng), Relu, normalized(to, to, 3, rng)]
}
