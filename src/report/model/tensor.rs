//! Tensors of the element types that models use.

use std::borrow::Cow;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// Numbers in a shape, the last axis running fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) data: TensorData,
}

/// The numbers of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum TensorData {
    /// Double precision.
    F64(Vec<f64>),
    /// Single precision.
    F32(Vec<f32>),
    /// 32-bit counts.
    U32(Vec<u32>),
    /// 64-bit counts.
    U64(Vec<u64>),
    /// 16-bit numbers.
    U16(Vec<u16>),
    /// Bytes.
    U8(Vec<u8>),
}

/// A type of a tensor's elements: `f64`, `f32`, `u64`, `u32`, `u16` or `u8`.
pub trait Element: Sized {
    /// The type's name.
    const NAME: &'static str;
    /// Values as a tensor's data.
    fn wrap(values: Vec<Self>) -> TensorData;
    /// The values, if they are of this type.
    fn unwrap(data: &TensorData) -> Option<&[Self]>;
}

impl Tensor {
    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The numbers.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// Copies a tensor out of a file, whose length has been compared with its shape.
    pub(super) fn from_view(name: &str, view: &TensorView<'_>) -> Result<Self, String> {
        let data = TensorData::read(view.dtype(), view.data())
            .ok_or_else(|| format!("its tensor `{name}` is of type {}", view.dtype()))?;
        Ok(Tensor { shape: view.shape().to_vec(), data })
    }
}

/// One list of types for everything that depends on the type of elements. Files are little-endian.
macro_rules! elements {
    ($($variant:ident $kind:ident),*) => {
        $(impl Element for $kind {
            const NAME: &'static str = stringify!($kind);
            fn wrap(values: Vec<Self>) -> TensorData {
                TensorData::$variant(values)
            }
            fn unwrap(data: &TensorData) -> Option<&[Self]> {
                match data {
                    TensorData::$variant(values) => Some(values),
                    _ => None,
                }
            }
        })*

        impl TensorData {
            /// The name of the elements' type.
            pub(super) fn name(&self) -> &'static str {
                match self {
                    $(TensorData::$variant(_) => stringify!($kind)),*
                }
            }

            /// The type of the elements, as files name it.
            pub(super) fn dtype(&self) -> Dtype {
                match self {
                    $(TensorData::$variant(_) => Dtype::$variant),*
                }
            }

            /// The numbers as they are in a file.
            pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
                match self {
                    $(TensorData::$variant(values) if cfg!(target_endian = "little") => {
                        bytemuck::cast_slice(values).into()
                    })*
                    $(TensorData::$variant(values) => {
                        values.iter().flat_map(|value| value.to_le_bytes()).collect()
                    })*
                }
            }

            /// Numbers out of a file, if they are of a type that models use.
            fn read(dtype: Dtype, bytes: &[u8]) -> Option<Self> {
                match dtype {
                    $(Dtype::$variant => {
                        let (numbers, _) = bytes.as_chunks::<{ size_of::<$kind>() }>();
                        let numbers = numbers.iter().map(|&number| $kind::from_le_bytes(number));
                        Some(TensorData::$variant(numbers.collect()))
                    })*
                    _ => None,
                }
            }
        }
    };
}

elements!(F64 f64, F32 f32, U64 u64, U32 u32, U16 u16, U8 u8);
