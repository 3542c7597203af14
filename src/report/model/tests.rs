//! Model files round trip, and damaged ones are refused.

use super::*;
use proptest::prelude::*;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

fn model() -> ModelFile {
    let metadata = json!({ "command": "lasso", "lambda": 0.1 + 0.2, "names": ["a\"b", "ü"] });
    let Value::Object(metadata) = metadata else { unreachable!("an object was written") };
    let mut model = ModelFile::new(metadata);
    model.put("coefficients", &[2, 2], vec![0.1, -0.0, f64::MAX, 5e-324]);
    model.put("user_factors", &[3], vec![1.5f32, 2.5, -0.1]);
    model.put("word_topic", &[2], vec![1u32, u32::MAX]);
    model.put("topic_total", &[1], vec![u64::MAX]);
    model.put::<f64>("empty", &[0, 7], vec![]);
    model
}

#[test]
fn models_round_trip_and_equal_models_give_equal_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one.safetensors"), dir.path().join("two.safetensors"));
    model().save(&one).unwrap();
    let read = ModelFile::load(&one).unwrap();
    assert_eq!(read, model());
    read.save(&two).unwrap();
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    let (shape, values) = read.get::<f64>("coefficients").unwrap();
    assert_eq!((shape, values[1].to_bits()), (&[2, 2][..], (-0.0f64).to_bits()));
    assert!(read.get::<f32>("coefficients").is_err() && read.get::<f64>("intercept").is_err());
}

#[test]
fn files_are_as_safetensors_itself_writes_them() {
    let bytes = model().content().unwrap().concat();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(safetensors::serialize(file.iter(), header.metadata().clone()).unwrap(), bytes);
}

#[test]
fn damage_is_found() {
    let good = model();
    let bytes = good.content().unwrap().concat();
    for end in 0..bytes.len() {
        assert!(ModelFile::from_bytes(&bytes[..end]).is_err());
    }
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for at in 0..bytes.len() {
        for flip in 1..=255u8 {
            // Most changes of numbers are alike.
            if at >= 8 + header && flip.count_ones() > 1 {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            // JSON may be spelled in several ways, but the content must be the same.
            if let Ok(read) = ModelFile::from_bytes(&damaged) {
                assert_eq!(read, good);
            }
        }
    }
}

#[test]
fn foreign_files_are_refused_clearly() {
    let data = [0; 8];
    let tensors = || [("x", TensorView::new(Dtype::F64, vec![1], &data).unwrap())];
    let refused = |entries: Option<HashMap<String, String>>| {
        let bytes = safetensors::serialize(tensors(), entries).unwrap();
        ModelFile::from_bytes(&bytes).unwrap_err()
    };
    let ours = |text: &str| Some(HashMap::from([(METADATA.to_owned(), text.to_owned())]));
    assert!(refused(None).contains("not one that strads wrote"));
    assert!(refused(ours("nonsense")).contains("metadata"));
    assert!(refused(ours("{}")).contains("expected the format \"strads/1\", found null"));
    assert!(refused(ours(r#"{"format":"strads/9"}"#)).contains("found \"strads/9\""));
    assert!(refused(ours(r#"{"format":"strads/1"}"#)).contains("checksum"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text");
    fs::write(&path, "1.5 2:3\n".repeat(100)).unwrap();
    let message = ModelFile::load(&path).unwrap_err().to_string();
    assert!(message.contains("text") && message.contains("header too large"), "{message}");
    assert!(ModelFile::load(dir.path()).is_err());
    assert!(ModelFile::load(&dir.path().join("none")).is_err());
}

#[test]
fn tensors_of_other_types_are_refused() {
    let data = [0; 8];
    let tensors = [("x", TensorView::new(Dtype::I64, vec![1], &data).unwrap())];
    let text = r#"{"format":"strads/1"}"#.to_owned();
    let entries = Some(HashMap::from([(METADATA.to_owned(), text)]));
    let bytes = safetensors::serialize(tensors, entries).unwrap();
    assert!(ModelFile::from_bytes(&bytes).unwrap_err().contains("`x` is of type I64"));
}

#[test]
fn reserved_names_are_refused() {
    let mut with_field = model();
    with_field.metadata.insert("format".to_owned(), 1.into());
    let mut with_tensor = model();
    with_tensor.put("checksum", &[1], vec![1u32]);
    for model in [with_field, with_tensor] {
        assert!(matches!(model.content(), Err(ModelError::Reserved)));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(
        header in prop::collection::vec(any::<u8>(), 0..200),
        length in 0..250u64,
    ) {
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend(&header);
        prop_assert!(ModelFile::from_bytes(&bytes).is_err());
    }
}
