//! `#[derive(Module)]`: a model is a plain struct, and its parameters are found by walking its fields.

#![forbid(unsafe_code)]

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Fields, Ident, Index, Result, parse_macro_input, parse_quote};

/// Implements `Module` for a struct or an enum: `visit` shows each field, in order, under its name.
///
/// Fields of a tuple struct are named `0`, `1`, ...; an enum shows the fields of the variant it holds. A field marked
/// `#[module(skip)]` is passed over. Type parameters must be modules themselves unless all fields that use them are skipped.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn expand(mut input: DeriveInput) -> Result<TokenStream> {
    refuse_attributes(&input)?;
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
    Ok(quote! {
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
        if is_skipped(field)? {
            continue;
        }
        let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
        let name = name.trim_start_matches("r#");
        let place = place(index, field);
        let span = field.ty.span();
        visits.push(quote_spanned!(span=> visitor.field(#name, #place);));
    }
    Ok(visits)
}

/// `#[module(...)]` on anything but a field would be silently without effect.
fn refuse_attributes(input: &DeriveInput) -> Result<()> {
    let variants = match &input.data {
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.attrs).collect(),
        _ => Vec::new(),
    };
    match input.attrs.iter().chain(variants).find(|attr| attr.path().is_ident("module")) {
        Some(attr) => Err(syn::Error::new_spanned(attr, "`#[module(skip)]` belongs on a field")),
        None => Ok(()),
    }
}

fn is_skipped(field: &Field) -> Result<bool> {
    let mut skipped = false;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("module")) {
        attr.parse_nested_meta(|meta| {
            if meta.path.is_ident("skip") {
                skipped = true;
                Ok(())
            } else {
                Err(meta.error("unknown attribute; the only one is `#[module(skip)]`"))
            }
        })?;
    }
    Ok(skipped)
}

/// The types of all fields that are visited, but for `PhantomData`, which is a module whatever it stands for.
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
        if !phantom && !is_skipped(field)? {
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
