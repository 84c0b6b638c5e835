//! How many rows and columns a matrix has, and of what.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ElementType;

/// Rows and columns of a matrix, at least one of each.
///
/// ```
/// use matrices::matrix::Shape;
///
/// let shape: Shape = "1000x200".parse()?;
/// assert_eq!((shape.rows(), shape.columns()), (1000, 200));
/// assert_eq!(shape.to_string(), "1000x200");
/// assert!("0x200".parse::<Shape>().is_err());
/// # Ok::<(), matrices::matrix::ShapeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Shape {
    rows: u64,
    columns: u64,
}

/// Why a shape is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The text is not two whole numbers with an x between.
    #[error("\"{text}\" is no shape. Give rows and columns as in 1000x1000.")]
    NotAShape {
        /// What was given.
        text: String,
    },
    /// A side is zero.
    #[error("A matrix of {rows}x{columns} holds nothing. Give at least one row and one column.")]
    Empty {
        /// Rows asked for.
        rows: u64,
        /// Columns asked for.
        columns: u64,
    },
}

impl Shape {
    /// A shape of `rows` and `columns`; [`ShapeError::Empty`] where one of them is zero.
    pub fn new(rows: u64, columns: u64) -> Result<Self, ShapeError> {
        if rows == 0 || columns == 0 {
            return Err(ShapeError::Empty { rows, columns });
        }
        Ok(Self { rows, columns })
    }

    /// How many rows.
    pub fn rows(self) -> u64 {
        self.rows
    }

    /// How many columns.
    pub fn columns(self) -> u64 {
        self.columns
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}x{}", self.rows, self.columns)
    }
}

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let side = |digits: &str| match digits.as_bytes() {
            [b'0'..=b'9', ..] => digits.parse::<u64>().ok(),
            _ => None,
        };
        match text
            .split_once('x')
            .map(|(rows, columns)| (side(rows), side(columns)))
        {
            Some((Some(rows), Some(columns))) => Self::new(rows, columns),
            _ => Err(ShapeError::NotAShape { text: text.into() }),
        }
    }
}

impl From<Shape> for String {
    fn from(shape: Shape) -> Self {
        shape.to_string()
    }
}

impl TryFrom<String> for Shape {
    type Error = ShapeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// All that one matrix of a run has in common with the next.
///
/// ```
/// use matrices::matrix::{ElementType, Form, Shape};
///
/// let form = Form::new(Shape::new(1000, 1000)?, ElementType::F64)?;
/// assert_eq!(form.bytes(), 8_000_000);
/// assert_eq!(form.to_string(), "1000x1000 float64");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Form {
    shape: Shape,
    element: ElementType,
}

/// Why a form is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More bytes than a process can address.
    #[error(
        "A matrix of {shape} {element} is more than this machine can address. Give a smaller shape."
    )]
    TooLarge {
        /// Rows and columns asked for.
        shape: Shape,
        /// Type asked for.
        element: ElementType,
    },
}

/// What is written of a [`Form`].
#[derive(Serialize, Deserialize)]
struct Parts {
    shape: Shape,
    element: ElementType,
}

impl Form {
    /// A form whose matrix a process can address; [`FormError::TooLarge`] otherwise.
    pub fn new(shape: Shape, element: ElementType) -> Result<Self, FormError> {
        shape
            .rows
            .checked_mul(shape.columns)
            .and_then(|elements| elements.checked_mul(element.bytes() as u64))
            .filter(|bytes| isize::try_from(*bytes).is_ok())
            .map(|_| Self { shape, element })
            .ok_or(FormError::TooLarge { shape, element })
    }

    /// Rows and columns.
    pub fn shape(self) -> Shape {
        self.shape
    }

    /// Type of every number.
    pub fn element(self) -> ElementType {
        self.element
    }

    /// How many numbers a matrix has.
    pub fn elements(self) -> u64 {
        self.shape.rows * self.shape.columns
    }

    /// Bytes of one matrix; they fit a `usize`.
    pub fn bytes(self) -> u64 {
        self.elements() * self.element.bytes() as u64
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.shape, self.element)
    }
}

impl From<Form> for Parts {
    fn from(Form { shape, element }: Form) -> Self {
        Self { shape, element }
    }
}

impl TryFrom<Parts> for Form {
    type Error = FormError;

    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        Self::new(parts.shape, parts.element)
    }
}
