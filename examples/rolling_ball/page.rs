//! The page that collects the pictures: one file, which needs no network and can be read without its script.

use ravine::plot::escape;

/// A claim, and what shows it.
pub struct Section {
    /// What is claimed.
    pub title: &'static str,
    /// What there is to say, as paragraphs of HTML.
    pub text: String,
    /// What there is to see.
    pub figures: Vec<Figure>,
}

/// One or more pictures under one slider.
pub struct Figure {
    /// The name of its files.
    pub name: &'static str,
    /// What the slider changes.
    pub slider: &'static str,
    /// The positions of the slider: what each is called, and its pictures.
    pub variants: Vec<(String, Vec<String>)>,
    /// The position that is shown first.
    pub first: usize,
    /// Whether its pictures stand below each other, over one axis.
    pub stacked: bool,
}

impl Figure {
    /// Pictures without a slider.
    pub fn still(name: &'static str, pictures: Vec<String>) -> Self {
        Figure { name, slider: "", variants: vec![(String::new(), pictures)], first: 0, stacked: false }
    }

    /// The names of its files, and what is in them.
    pub fn files(&self) -> Vec<(String, &str)> {
        let mut files = Vec::new();
        for (v, (_, pictures)) in self.variants.iter().enumerate() {
            for (p, picture) in pictures.iter().enumerate() {
                let part =
                    if pictures.len() > 1 { format!("-{}", (b'a' + p as u8) as char) } else { String::new() };
                let variant = if self.variants.len() > 1 { format!("-{:02}", v + 1) } else { String::new() };
                files.push((format!("{}{variant}{part}.svg", self.name), picture.as_str()));
            }
        }
        files
    }

    fn html(&self) -> String {
        let class = if self.stacked { " class=\"stacked\"" } else { "" };
        let mut html = format!("<figure id=\"{}\"{class}>\n", self.name);
        for (v, (label, pictures)) in self.variants.iter().enumerate() {
            let hidden = if v == self.first { "" } else { " hidden" };
            let (label, pictures) = (escape(label), pictures.concat());
            html += &format!("<div class=\"variant\" data-label=\"{label}\"{hidden}>\n{pictures}</div>\n");
        }
        if self.variants.len() > 1 {
            let (last, first) = (self.variants.len() - 1, self.first);
            let (slider, label) = (escape(self.slider), escape(&self.variants[first].0));
            html += &format!(
                "<label class=\"slider\"><span>{slider}</span>\
                 <input type=\"range\" min=\"0\" max=\"{last}\" value=\"{first}\" hidden>\
                 <output>{label}</output></label>\n"
            );
        }
        html + "</figure>\n"
    }
}

/// The whole page.
pub fn html(sections: &[Section]) -> String {
    let entry =
        |(i, section): (usize, &Section)| format!("<li><a href=\"#s{}\">{}</a></li>\n", i + 1, section.title);
    let whole = |(i, section): (usize, &Section)| {
        let Section { title, text, figures } = section;
        let figures: String = figures.iter().map(Figure::html).collect();
        let number = i + 1;
        format!(
            "<section id=\"s{number}\">\n<h2><span>{number}</span>{title}</h2>\n\
             <div class=\"text\">{text}</div>\n{figures}</section>\n"
        )
    };
    let contents: String = sections.iter().enumerate().map(entry).collect();
    let body: String = sections.iter().enumerate().map(whole).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>The rolling ball: what gradient descent does</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<header>\n<h1>The rolling ball</h1>\n{INTRODUCTION}\n<nav><ol>\n{contents}</ol></nav>\n</header>\n\
         <main>\n{body}</main>\n<footer>{FOOTER}</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

const INTRODUCTION: &str = "<p class=\"lead\">A loss is a landscape, the weights of a model are a place in it, and training is a \
    walk downhill. How long are the steps? When should they become shorter? What does it change if the \
    walker has mass, like a ball? Each picture here answers one of these questions, and each is \
    measured: the balls are moved by the optimizers of <code>ravine::optim</code>, not by formulas. \
    Where there is a formula, it is drawn with a dashed line, and should lie on top.</p>";

const FOOTER: &str = "<p>The mathematics of momentum follows G. Goh, “Why Momentum Really Works”, <i>Distill</i> 2017. The \
    numbers of the theory are asserted by tests in <code>crates/optim/tests/theory</code>. Made by \
    <code>cargo run --release --example rolling_ball</code>.</p>";

const STYLE: &str = include_str!("page.css");

const SCRIPT: &str = include_str!("page.js");
