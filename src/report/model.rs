//! Model files: named tensors and metadata in one `.safetensors` file.
//!
//! The file's metadata has one entry, `strads`: a JSON object of whatever describes the model, with
//! [`FORMAT`] under `format`. Beside the model's own tensors there is one, `checksum` (`u32`, one
//! element), a CRC-32 of the metadata and of every other tensor's name, type, shape and content, so
//! that damage is found. Equal models give equal bytes.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::{fs, io};

use safetensors::SafeTensors;
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::{Map, Value};

use super::atomic;
pub use error::ModelError;
pub use tensor::{Element, Tensor, TensorData};

mod error;
mod tensor;
#[cfg(test)]
mod tests;

/// The name and version of this use of safetensors.
const FORMAT: &str = "strads/1";
/// The metadata entry that holds the JSON object.
const METADATA: &str = "strads";
/// The metadata field that holds [`FORMAT`]; models cannot use it.
const FORMAT_FIELD: &str = "format";
/// The tensor that holds the checksum; models cannot use it.
const CHECKSUM: &str = "checksum";

/// The most bytes of a header that readers of the format take.
const MOST_HEADER: usize = 100_000_000;

/// A model as it is on disk: what describes it, and its tensors by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelFile {
    /// Everything that is not a tensor: command, options, certificate, names. The field `format` is
    /// the file's own.
    pub metadata: Map<String, Value>,
    tensors: BTreeMap<String, Tensor>,
}

impl ModelFile {
    /// An empty model with this metadata.
    pub fn new(metadata: Map<String, Value>) -> Self {
        ModelFile { metadata, tensors: BTreeMap::new() }
    }

    /// The tensors by name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// Adds a tensor, or replaces the one of that name. The name `checksum` is the file's own.
    ///
    /// # Panics
    /// If the shape does not have as many elements as there are values.
    pub fn put<T: Element>(&mut self, name: &str, shape: &[usize], values: Vec<T>) {
        let elements = shape.iter().try_fold(1usize, |all, &axis| all.checked_mul(axis));
        assert_eq!(elements, Some(values.len()), "the tensor `{name}` fills its shape");
        let tensor = Tensor { shape: shape.to_vec(), data: T::wrap(values) };
        self.tensors.insert(name.to_owned(), tensor);
    }

    /// The shape and the values of a tensor, or an error if there is none of that name and type.
    pub fn get<T: Element>(&self, name: &str) -> Result<(&[usize], &[T]), ModelError> {
        self.tensors
            .get(name)
            .and_then(|tensor| Some((&tensor.shape[..], T::unwrap(&tensor.data)?)))
            .ok_or_else(|| ModelError::Missing { name: name.to_owned(), kind: T::NAME })
    }

    /// Writes the model, atomically (see [`atomic::write`]), and tensors from where they are.
    pub fn save(&self, path: &Path) -> Result<(), ModelError> {
        let content = self.content()?;
        atomic::write(path, |to| content.iter().try_for_each(|part| to.write_all(part)))
            .map_err(|source| ModelError::Write { path: path.to_owned(), source })
    }

    /// Reads a model. Nothing in the file is trusted.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let failed = |source| ModelError::Read { path: path.to_owned(), source };
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(failed(io::Error::other("not a regular file")));
        }
        let bytes = fs::read(path).map_err(failed)?;
        ModelFile::from_bytes(&bytes)
            .map_err(|reason| ModelError::Unusable { path: path.to_owned(), reason })
    }

    /// What the file consists of, part after part: the length of the header, the header, and what
    /// every tensor holds. Large types come first, so that all are aligned.
    fn content(&self) -> Result<Vec<Cow<'_, [u8]>>, ModelError> {
        if self.metadata.contains_key(FORMAT_FIELD) || self.tensors.contains_key(CHECKSUM) {
            return Err(ModelError::Reserved);
        }
        let format = Value::from(FORMAT);
        let fields = self.metadata.iter().map(|(name, value)| (name.as_str(), value));
        let fields: BTreeMap<_, _> = fields.chain([(FORMAT_FIELD, &format)]).collect();
        let too_large = |reason: String| ModelError::TooLarge { reason };
        let text = serde_json::to_string(&fields).map_err(|error| too_large(error.to_string()))?;
        let crc = checksum(&text, &self.tensors);
        let crc = Tensor { shape: vec![1], data: TensorData::U32(vec![crc]) };
        let own = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        let mut tensors: Vec<_> = own.chain([(CHECKSUM, &crc)]).collect();
        tensors.sort_by_key(|(name, tensor)| (Reverse(tensor.data.dtype()), *name));
        let header = header(text, &tensors).map_err(too_large)?;
        let mut parts = vec![(header.len() as u64).to_le_bytes().to_vec().into(), header.into()];
        parts.extend(tensors.into_iter().map(|(name, tensor)| match name {
            CHECKSUM => tensor.data.bytes().into_owned().into(),
            name => self.tensors[name].data.bytes(),
        }));
        Ok(parts)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
        let text = header.metadata().as_ref().and_then(|entries| entries.get(METADATA));
        let text = text.ok_or("a safetensors file, but not one that strads wrote")?;
        let mut metadata: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("its metadata: {error}"))?;
        match metadata.remove(FORMAT_FIELD) {
            Some(Value::String(format)) if format == FORMAT => {}
            other => {
                let found = other.unwrap_or(Value::Null);
                return Err(format!("expected the format \"{FORMAT}\", found {found}"));
            }
        }
        let mut tensors = BTreeMap::new();
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        for (name, view) in file.iter() {
            tensors.insert(name.to_owned(), Tensor::from_view(name, &view)?);
        }
        let stored = tensors.remove(CHECKSUM).map(|tensor| tensor.data);
        if stored != Some(TensorData::U32(vec![checksum(text, &tensors)])) {
            return Err("it is damaged: the checksum does not match".to_owned());
        }
        Ok(ModelFile { metadata, tensors })
    }
}

/// The header of a file of tensors that follow each other like this, filled up to eight bytes.
fn header(metadata: String, tensors: &[(&str, &Tensor)]) -> Result<Vec<u8>, String> {
    let mut end = 0;
    let places = tensors.iter().map(|(name, tensor)| {
        let start = end;
        end += tensor.data.bytes().len();
        let (dtype, shape) = (tensor.data.dtype(), tensor.shape.clone());
        ((*name).to_owned(), TensorInfo { dtype, shape, data_offsets: (start, end) })
    });
    let entries = Some(HashMap::from([(METADATA.to_owned(), metadata)]));
    let header = Metadata::new(entries, places.collect()).map_err(|error| error.to_string())?;
    let mut header = serde_json::to_vec(&header).map_err(|error| error.to_string())?;
    header.resize(header.len().next_multiple_of(8), b' ');
    match header.len() {
        ..=MOST_HEADER => Ok(header),
        length => Err(format!("its header has {length} bytes")),
    }
}

/// The CRC-32 of the metadata and all tensors. Lengths are mixed in where texts end, so that
/// nothing can move between neighbours unseen.
fn checksum(metadata: &str, tensors: &BTreeMap<String, Tensor>) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    let number = |crc: &mut crc32fast::Hasher, n: usize| crc.update(&(n as u64).to_le_bytes());
    number(&mut crc, metadata.len());
    crc.update(metadata.as_bytes());
    for (name, tensor) in tensors {
        number(&mut crc, name.len());
        crc.update(name.as_bytes());
        crc.update(tensor.data.name().as_bytes());
        number(&mut crc, tensor.shape.len());
        tensor.shape.iter().for_each(|&axis| number(&mut crc, axis));
        crc.update(&tensor.data.bytes());
    }
    crc.finalize()
}
