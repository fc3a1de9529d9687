//! Pinot's expression syntax, read into a tree of calls.
//!
//! Pinot reads expressions with Calcite's SQL parser: calls, literals in single quotes, names plain or in double quotes,
//! arithmetic, comparisons, AND, OR, NOT, CASE, CAST, BETWEEN and IS NULL, each of which is the call of a function.

use pinotage_common::{Error, Result};
use sqlparser::ast::{
    BinaryOperator, CastKind, CeilFloorKind, Expr, ExtractSyntax, FunctionArg, FunctionArgExpr, FunctionArguments,
    TrimWhereField, UnaryOperator, Value,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Levels of nesting, words and signs (with the blanks between them), and characters of an expression.
const MAX_DEPTH: usize = 50;
const MAX_TOKENS: usize = 500;
const MAX_LEN: usize = 16 << 10;
/// Enough for as many levels, also in builds that are not optimised.
const STACK: usize = 64 << 20;

/// An expression as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Boolean(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Text(String),
    Column(String),
    /// `ARRAY['a', 'b']`
    Array(Vec<Tree>),
    /// A function by its canonical name, and the name as it is written.
    Call {
        name: String,
        shown: String,
        arguments: Vec<Tree>,
    },
}

/// The canonical name of a function: `FunctionRegistry.canonicalize`.
pub(crate) fn canonical(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

impl Tree {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// `invalid-config` for what is no expression, `unsupported` for Groovy and for syntax that is not read.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.starts_with("Groovy(") {
            return Err(Error::unsupported(format!("`{}` is Groovy, which needs a JVM", shorten(text))).action(
                "write it with the functions of docs/reference/functions.md, or compute the column in the \
                 `transform.sql` of the job, for example `SELECT *, first || ' ' || last AS name FROM source`",
            ));
        }
        if text.len() > MAX_LEN {
            return Err(Error::unsupported(format!("an expression of more than {MAX_LEN} characters")));
        }
        // The parser's frames are large, and the stack of who calls it is not known.
        std::thread::scope(|scope| {
            let parser = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || Self::parse_here(text));
            let parsed = parser.map_err(|error| Error::unexpected("cannot start a thread").caused_by(error))?.join();
            parsed.map_err(|_| Error::unexpected("the parser of expressions panicked"))?
        })
    }

    fn parse_here(text: &str) -> Result<Self> {
        let invalid = |message: String| {
            Error::invalid_config(format!("`{}` is no expression: {message}", shorten(text))).action(
                "write calls as `name(column, 'text', 1)`; text stands in single quotes, names of columns that are SQL \
                 words or have other characters than letters, digits and `_` in double quotes",
            )
        };
        let dialect = GenericDialect {};
        let tokens = Tokenizer::new(&dialect, text).tokenize().map_err(|error| invalid(error.to_string()))?;
        if tokens.len() > MAX_TOKENS {
            return Err(Error::unsupported(format!("an expression of more than {MAX_TOKENS} words and signs")));
        }
        let mut parser = Parser::new(&dialect).with_recursion_limit(MAX_DEPTH).with_tokens(tokens);
        let expression = parser.parse_expr().map_err(|error| invalid(error.to_string()))?;
        match parser.next_token().token {
            Token::EOF => {}
            rest => return Err(invalid(format!("found `{rest}` behind its end"))),
        }
        convert(expression)
    }
}

/// Enough of an expression to know it.
pub(crate) fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn call(name: &str, arguments: impl IntoIterator<Item = Expr>) -> Result<Tree> {
    let arguments = arguments.into_iter().map(convert).collect::<Result<_>>()?;
    Ok(made(name, arguments))
}

fn made(name: &str, arguments: Vec<Tree>) -> Tree {
    Tree::Call { name: canonical(name), shown: name.to_owned(), arguments }
}

fn negated(negated: bool, tree: Tree) -> Tree {
    if negated { made("not", vec![tree]) } else { tree }
}

fn refuse(what: impl std::fmt::Display) -> Error {
    Error::unsupported(format!("`{}` is not read in ingestion expressions", shorten(&what.to_string()))).action(
        "write it as a call of a function of docs/reference/functions.md, or use the `transform.sql` of the job",
    )
}

fn convert(expression: Expr) -> Result<Tree> {
    Ok(match expression {
        Expr::Nested(inner) => convert(*inner)?,
        Expr::Identifier(name) => Tree::Column(name.value),
        Expr::CompoundIdentifier(parts) => {
            Tree::Column(parts.into_iter().map(|part| part.value).collect::<Vec<_>>().join("."))
        }
        Expr::Value(value) => literal(value.value)?,
        Expr::BinaryOp { left, op, right } => {
            let name = match op {
                BinaryOperator::Plus => "plus",
                BinaryOperator::Minus => "minus",
                BinaryOperator::Multiply => "times",
                BinaryOperator::Divide => "divide",
                BinaryOperator::Modulo => "mod",
                BinaryOperator::Eq => "equals",
                BinaryOperator::NotEq => "notEquals",
                BinaryOperator::Gt => "greaterThan",
                BinaryOperator::GtEq => "greaterThanOrEqual",
                BinaryOperator::Lt => "lessThan",
                BinaryOperator::LtEq => "lessThanOrEqual",
                BinaryOperator::And => "and",
                BinaryOperator::Or => "or",
                other => return Err(refuse(other)),
            };
            call(name, [*left, *right])?
        }
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => call("not", [*expr])?,
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match convert(*expr)? {
            Tree::Int(value) => value.checked_neg().map_or(Tree::Long(-i64::from(value)), Tree::Int),
            // The number of the smallest INT is read as a LONG, as its sign comes later.
            Tree::Long(value) => i32::try_from(-value).map_or(Tree::Long(-value), Tree::Int),
            Tree::Double(value) => Tree::Double(-value),
            _ => return Err(refuse("the sign before a column or a call").action("write `negate(x)`")),
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => match convert(*expr)? {
            number @ (Tree::Int(_) | Tree::Long(_) | Tree::Double(_)) => number,
            _ => return Err(refuse("the sign before a column or a call")),
        },
        Expr::IsNull(inner) => call("isNull", [*inner])?,
        Expr::IsNotNull(inner) => call("isNotNull", [*inner])?,
        Expr::IsDistinctFrom(a, b) => call("isDistinctFrom", [*a, *b])?,
        Expr::IsNotDistinctFrom(a, b) => call("isNotDistinctFrom", [*a, *b])?,
        Expr::Between { expr, negated: not, low, high } => negated(not, call("between", [*expr, *low, *high])?),
        Expr::Case { operand, conditions, else_result, .. } => {
            let mut arguments = Vec::new();
            for when in conditions {
                let condition = convert(when.condition)?;
                arguments.push(match &operand {
                    Some(operand) => made("equals", vec![convert(operand.as_ref().clone())?, condition]),
                    None => condition,
                });
                arguments.push(convert(when.result)?);
            }
            arguments.push(else_result.map_or(Ok(Tree::Null), |result| convert(*result))?);
            made("case", arguments)
        }
        Expr::Cast { kind: CastKind::Cast, expr, data_type, format: None, .. } => {
            let name = data_type.to_string();
            made("cast", vec![convert(*expr)?, Tree::Text(name)])
        }
        Expr::Ceil { expr, field: CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime) } => {
            call("ceil", [*expr])?
        }
        Expr::Floor { expr, field: CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime) } => {
            call("floor", [*expr])?
        }
        Expr::Extract { field, expr, syntax: ExtractSyntax::From } => {
            made("extract", vec![Tree::Text(field.to_string().to_uppercase()), convert(*expr)?])
        }
        Expr::Substring { expr, substring_from, substring_for, shorthand, .. } => {
            let name = if shorthand { "substr" } else { "substring" };
            call(name, [Some(expr), substring_from, substring_for].into_iter().flatten().map(|part| *part))?
        }
        Expr::Trim { expr, trim_where, trim_what, trim_characters: None } => {
            // Calcite completes the call: only blanks are trimmed.
            let place = match trim_where {
                None | Some(TrimWhereField::Both) => "BOTH",
                Some(TrimWhereField::Leading) => "LEADING",
                Some(TrimWhereField::Trailing) => "TRAILING",
            };
            let what = trim_what.map_or(Ok(Tree::Text(" ".into())), |what| convert(*what))?;
            made("trim", vec![Tree::Text(place.into()), what, convert(*expr)?])
        }
        Expr::Array(array) => Tree::Array(array.elem.into_iter().map(convert).collect::<Result<_>>()?),
        Expr::Function(function) => {
            let shown = function.name.to_string();
            let name = shown.trim_matches('"').to_owned();
            let plain = function.filter.is_none()
                && function.null_treatment.is_none()
                && function.over.is_none()
                && function.within_group.is_empty()
                && matches!(function.parameters, FunctionArguments::None);
            let list = match function.args {
                FunctionArguments::List(list)
                    if plain && list.clauses.is_empty() && list.duplicate_treatment.is_none() =>
                {
                    list.args
                }
                _ => return Err(refuse(shown)),
            };
            let arguments = list.into_iter().map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => convert(expression),
                other => Err(refuse(other)),
            });
            let mut arguments = arguments.collect::<Result<Vec<_>>>()?;
            let canonical = canonical(&name);
            // The unit of these is a bare word.
            if matches!(canonical.as_str(), "timestampadd" | "timestampdiff")
                && let Some(unit) = arguments.first_mut()
            {
                *unit = match unit {
                    Tree::Column(word) => Tree::Text(word.to_uppercase()),
                    _ => {
                        return Err(Error::invalid_config(format!("the unit of `{name}` is a text"))
                            .action("write it without quotes, or use `dateAdd` and `dateDiff`"));
                    }
                };
            }
            Tree::Call { name: canonical, shown: name, arguments }
        }
        other => return Err(refuse(other)),
    })
}

fn literal(value: Value) -> Result<Tree> {
    Ok(match value {
        Value::Null => Tree::Null,
        Value::Boolean(value) => Tree::Boolean(value),
        Value::SingleQuotedString(text) => Tree::Text(text),
        Value::Number(text, false) => {
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                let value: i64 = text.parse().map_err(|_| refuse(format!("{text}, which no LONG holds,")))?;
                i32::try_from(value).map_or(Tree::Long(value), Tree::Int)
            } else {
                Tree::Double(text.parse().map_err(|_| refuse(&text))?)
            }
        }
        other => return Err(refuse(other)),
    })
}
