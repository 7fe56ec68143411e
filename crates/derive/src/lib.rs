//! `#[derive(Module)]`: a model is a plain struct, and its parameters are found by walking its fields.
//!
//! ```
//! use ravine::prelude::*;
//!
//! #[derive(Module)]
//! struct Block {
//!     first: Linear,
//!     second: Linear,
//!     dropout: f64,
//! }
//!
//! #[derive(Module)]
//! #[module(display)]
//! struct Net {
//!     blocks: Vec<Block>,
//!     scale: Param,
//!     head: Option<Linear>,
//! }
//!
//! let rng = &mut Rng::new(0);
//! let block = Block { first: Linear::new(8, 16, rng), second: Linear::new(16, 8, rng), dropout: 0.1 };
//! let head = Linear::new(8, 2, rng).no_bias();
//! let net = Net { blocks: vec![block], scale: Param::new(Tensor::ones([8])), head: Some(head) };
//!
//! // Every parameter has a name: the path of fields that leads to it. Checkpoints, optimizers and messages use it.
//! let names: Vec<String> = net.named_params().into_iter().map(|(path, _)| path).collect();
//! assert_eq!(
//!     names,
//!     ["blocks.0.first.weight", "blocks.0.first.bias", "blocks.0.second.weight", "blocks.0.second.bias", "scale", "head.weight"]
//! );
//! assert_eq!(net.num_params(), 304);
//!
//! // With `display`, a model prints its tree, settings and all.
//! assert!(net.to_string().starts_with("Net: 304 parameters\n"));
//! assert!(net.to_string().contains("dropout 0.1"));
//! ```
//!
//! The code that it writes says `::ravine::Module`: whoever derives needs `ravine` among the dependencies, and no other crate of the workspace.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Ident, Index, Result, parse_macro_input, parse_quote};

/// Implements `Module` for a struct or an enum: `visit` shows each field, in order, under its name.
///
/// Fields of a tuple struct are named `0`, `1`, ...; an enum shows the fields of the variant it holds. Type parameters must be modules
/// themselves unless no field that uses them is walked.
///
/// | Attribute | of | says |
/// |---|---|---|
/// | `#[module(skip)]` | a field | it is passed over |
/// | `#[module(setting)]` | a field | it holds no parameters, and its `Debug` text stands in the model's tree |
/// | `#[module(setting, unless = value)]` | a field | the same, but for the usual `value`, which goes without saying |
/// | `#[module(display)]` | the type | `Display` prints its tree |
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(mut input: DeriveInput) -> Result<TokenStream> {
    let display = shows_itself(&input)?;
    let body = match &input.data {
        Data::Struct(data) => {
            let visits = visits(&data.fields, |index, field| {
                let span = field.ty.span();
                match &field.ident {
                    Some(name) => quote_spanned!(span=> &self.#name),
                    None => {
                        let index = Index::from(index);
                        quote_spanned!(span=> &self.#index)
                    }
                }
            })?;
            quote!(#(#visits)*)
        }
        Data::Enum(data) => {
            let arms = data
                .variants
                .iter()
                .map(|variant| {
                    let name = &variant.ident;
                    let visits = visits(&variant.fields, |index, field| {
                        let binding = binding(index, field);
                        quote!(#binding)
                    })?;
                    let patterns = variant.fields.iter().enumerate().map(|(index, field)| {
                        let binding = binding(index, field);
                        match &field.ident {
                            Some(name) => quote!(#name: #binding),
                            None => {
                                let index = Index::from(index);
                                quote!(#index: #binding)
                            }
                        }
                    });
                    Ok(quote! {
                        #[allow(unused_variables)]
                        Self::#name { #(#patterns),* } => { #(#visits)* }
                    })
                })
                .collect::<Result<Vec<_>>>()?;
            if arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms)* }) }
        }
        Data::Union(data) => {
            return Err(syn::Error::new(
                data.union_token.span,
                "a union cannot be a Module: which of its fields is alive is not known",
            ));
        }
    };
    let used = field_types(&input.data)?;
    let bounded: Vec<Ident> = input
        .generics
        .type_params()
        .map(|param| param.ident.clone())
        .filter(|ident| used.iter().any(|ty| mentions(ty, ident)))
        .collect();
    for ident in bounded {
        let clause = input.generics.make_where_clause();
        clause.predicates.push(parse_quote!(#ident: ::ravine::Module));
    }
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    let display = display.then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics ::core::fmt::Display for #name #type_generics #where_clause {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Display::fmt(&::ravine::Module::tree(self), f)
                }
            }
        }
    });
    Ok(quote! {
        #display
        #[automatically_derived]
        impl #impl_generics ::ravine::Module for #name #type_generics #where_clause {
            #[allow(unused_variables)]
            fn visit(&self, visitor: &mut ::ravine::Visitor<'_>) {
                #body
            }
        }
    })
}

/// The name of a field in the arm of its variant. Like all that is written for a field, it carries the span of the field's type, so that a type
/// that is no module is reported there.
fn binding(index: usize, field: &Field) -> Ident {
    Ident::new(&format!("field_{index}"), field.ty.span())
}

/// One call per field that is not skipped.
fn visits(fields: &Fields, place: impl Fn(usize, &Field) -> TokenStream) -> Result<Vec<TokenStream>> {
    let mut visits = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
        let name = name.trim_start_matches("r#");
        let place = place(index, field);
        let span = field.ty.span();
        visits.push(match role(field)? {
            Role::Part => quote_spanned!(span=> visitor.field(#name, #place);),
            Role::Skipped => continue,
            Role::Setting { unless: None } => quote_spanned!(span=> visitor.setting(#name, #place);),
            Role::Setting { unless: Some(usual) } => {
                quote_spanned! {span=>
                    if ::core::cmp::PartialEq::ne(#place, &#usual) { visitor.setting(#name, #place); }
                }
            }
        });
    }
    Ok(visits)
}

/// Whether `#[module(display)]` stands on the type. Anything else there, or on a variant, would be silently without effect.
fn shows_itself(input: &DeriveInput) -> Result<bool> {
    let mut display = false;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("module")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("display") {
                return Err(meta.error("expected `display`; what is said of a field belongs on it"));
            }
            display = true;
            Ok(())
        })?;
    }
    if let Data::Enum(data) = &input.data {
        let mut attrs = data.variants.iter().flat_map(|variant| &variant.attrs);
        if let Some(attr) = attrs.find(|attr| attr.path().is_ident("module")) {
            return Err(syn::Error::new_spanned(attr, "`#[module(..)]` belongs on a field"));
        }
    }
    Ok(display)
}

/// What a field is to the walk.
enum Role {
    Part,
    Skipped,
    Setting { unless: Option<TokenStream> },
}

fn role(field: &Field) -> Result<Role> {
    let mut role = Role::Part;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("module")) {
        attr.parse_nested_meta(|meta| {
            match &mut role {
                Role::Part if meta.path.is_ident("skip") => role = Role::Skipped,
                Role::Part if meta.path.is_ident("setting") => role = Role::Setting { unless: None },
                // All that follows is the value.
                Role::Setting { unless } if meta.path.is_ident("unless") => {
                    *unless = Some(meta.value()?.parse()?)
                }
                _ => return Err(meta.error("expected `skip`, `setting` or `setting, unless = value`")),
            }
            Ok(())
        })?;
    }
    Ok(role)
}

/// The types of all fields that are walked, but for `PhantomData`, which is a module for every type.
fn field_types(data: &Data) -> Result<Vec<&syn::Type>> {
    let fields: Vec<&Field> = match data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    let mut types = Vec::new();
    for field in fields {
        let phantom = matches!(&field.ty, syn::Type::Path(ty)
            if ty.path.segments.last().is_some_and(|segment| segment.ident == "PhantomData"));
        if !phantom && matches!(role(field)?, Role::Part) {
            types.push(&field.ty);
        }
    }
    Ok(types)
}

/// Whether `ident` occurs among the tokens of `ty`.
fn mentions(ty: &syn::Type, ident: &Ident) -> bool {
    fn inside(tokens: TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            proc_macro2::TokenTree::Ident(found) => found == *ident,
            proc_macro2::TokenTree::Group(group) => inside(group.stream(), ident),
            _ => false,
        })
    }
    inside(quote!(#ty), ident)
}
