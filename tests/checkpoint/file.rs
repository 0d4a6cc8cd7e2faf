//! Checkpoint files: equal bytes for equal content, nothing lost when saving fails, nothing believed when loading.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use vae_wgpu::checkpoint::{Checkpoint, CheckpointError, Tensor};

fn small() -> Checkpoint {
    let tensor = |shape: &[usize], data: &[f32]| Tensor {
        shape: shape.to_vec(),
        data: data.to_vec(),
    };
    let metadata = (0..20).map(|i| (format!("key {i}"), format!("\"värde\"\n{i}")));
    Checkpoint {
        tensors: BTreeMap::from([
            (
                "encoder.mu.weight".into(),
                tensor(
                    &[2, 3],
                    &[0.0, -0.0, 1.5, f32::MIN_POSITIVE, f32::INFINITY, 3.0],
                ),
            ),
            ("encoder.mu.bias".into(), tensor(&[2], &[1e-42, f32::NAN])),
            ("adam.step".into(), tensor(&[], &[400.0])),
            ("nothing".into(), tensor(&[0, 7], &[])),
        ]),
        metadata: metadata.collect(),
    }
}

/// Equality by bits: a NaN equals itself, and 0 is not -0.
fn assert_same(a: &Checkpoint, b: &Checkpoint) {
    let bits = |checkpoint: &Checkpoint| -> Vec<(String, Vec<usize>, Vec<u32>)> {
        let tensors = checkpoint.tensors.iter();
        let bits = |t: &Tensor| t.data.iter().map(|v| v.to_bits()).collect();
        tensors
            .map(|(name, t)| (name.clone(), t.shape.clone(), bits(t)))
            .collect()
    };
    assert_eq!(bits(a), bits(b));
    assert_eq!(a.metadata, b.metadata);
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A file with this header text and these bytes after it.
fn write_raw(path: &Path, header: &str, data: &[u8]) {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    fs::write(path, bytes).unwrap();
}

#[test]
fn equal_content_gives_equal_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    small().save(&a).unwrap();
    for _ in 0..5 {
        // The twenty keys of metadata are what a hash map would write in another order each time.
        small().save(&b).unwrap();
        assert_eq!(fs::read(&a).unwrap(), fs::read(&b).unwrap());
    }
    assert_same(&Checkpoint::load(&a).unwrap(), &small());
}

#[test]
fn bytes_are_those_of_the_safetensors_crate() {
    // With a single key of metadata that crate has no choice of order either.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let mut checkpoint = small();
    checkpoint.metadata.retain(|key, _| key == "key 3");
    checkpoint.save(&path).unwrap();

    let bytes: BTreeMap<_, Vec<u8>> = checkpoint
        .tensors
        .iter()
        .map(|(name, t)| (name, t.data.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = checkpoint.tensors.iter().map(|(name, t)| {
        let dtype = safetensors::Dtype::F32;
        let view = safetensors::tensor::TensorView::new(dtype, t.shape.clone(), &bytes[name]);
        (name, view.unwrap())
    });
    let metadata: HashMap<_, _> = checkpoint.metadata.clone().into_iter().collect();
    let theirs = safetensors::serialize(views, Some(metadata)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), theirs);
}

#[test]
fn a_failing_save_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    small().save(&path).unwrap();

    let mut wrong_shape = small();
    wrong_shape.tensors.get_mut("adam.step").unwrap().shape = vec![usize::MAX, 2];
    let mut reserved = small();
    reserved
        .tensors
        .insert("__metadata__".into(), Tensor::default());
    for bad in [wrong_shape, reserved] {
        let error = bad.save(&path).unwrap_err();
        assert!(matches!(error, CheckpointError::Tensor { .. }), "{error}");
    }
    assert_same(&Checkpoint::load(&path).unwrap(), &small());
    assert_eq!(names_in(folder.path()), ["last.safetensors"]);

    // A folder in the target's place is not replaced.
    let occupied = folder.path().join("occupied");
    fs::create_dir(&occupied).unwrap();
    let error = small().save(&occupied).unwrap_err();
    assert!(error.to_string().contains("occupied"), "{error}");
    assert_eq!(names_in(folder.path()), ["last.safetensors", "occupied"]);

    for target in ["missing/last.safetensors", "last.safetensors/last"] {
        let target = folder.path().join(target);
        let error = small().save(&target).unwrap_err();
        assert!(matches!(error, CheckpointError::Write { .. }), "{error}");
        assert!(error.to_string().contains(&*target.to_string_lossy()));
        assert!(!error.to_string().contains(".writing-"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_a_file_is_not_replaced_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = small().save(&socket).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
    assert!(!fs::metadata(&socket).unwrap().is_file());

    // A link stays a link, and the file that it leads to is the one replaced.
    let (link, file) = (folder.path().join("link"), folder.path().join("file"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    small().save(&link).unwrap();
    assert!(link.is_symlink());
    assert_same(&Checkpoint::load(&file).unwrap(), &small());
    assert_eq!(names_in(folder.path()), ["file", "link", "socket"]);
}

/// A limit on the size of files stands for a full disk: it needs no privileges, and writing fails in the same place.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file_and_says_what_is_needed() {
    const CHILD: &str = "VAE_TEST_SAVE_WITHOUT_ROOM";
    if let Ok(path) = std::env::var(CHILD) {
        let mut large = small();
        let zeros = Tensor {
            shape: vec![1 << 20],
            data: vec![0.0; 1 << 20],
        };
        large.tensors.insert("large".into(), zeros);
        let error = large.save(Path::new(&path)).unwrap_err();
        assert!(matches!(error, CheckpointError::NoRoom { .. }), "{error}");
        println!("the child saw: {error}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    small().save(&path).unwrap();
    let this_test = "file::a_full_disk_leaves_the_old_file_and_says_what_is_needed";
    // Ignoring the signal makes the write fail instead of the process.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" --exact \"$1\" --nocapture";
    let child = std::process::Command::new("sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .arg(this_test)
        .env(CHILD, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{child:?}");
    let needed = fs::metadata(&path).unwrap().len() + (4 << 20);
    let stated: u64 = said
        .split_once("it needs ")
        .and_then(|(_, rest)| rest.split_once(" bytes"))
        .map(|(number, _)| number.parse().unwrap())
        .unwrap();
    // The header of the larger file is longer by one entry.
    assert!((needed..needed + 200).contains(&stated), "{said}");
    assert_same(&Checkpoint::load(&path).unwrap(), &small());
    assert_eq!(names_in(folder.path()), ["last.safetensors"]);
}

#[test]
fn a_file_cut_or_grown_is_refused_at_every_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    small().save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for len in 0..whole.len() {
        fs::write(&path, &whole[..len]).unwrap();
        let error = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(error.contains("last.safetensors"), "{len}: {error}");
        assert!(
            len < 8 || error.contains(&format!("it has {len}")),
            "{len}: {error}"
        );
    }
    fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
    let error = Checkpoint::load(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::Length { .. }), "{error}");
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn a_flipped_bit_in_the_header_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let mut checkpoint = small();
    checkpoint.metadata.clear();
    checkpoint.save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let header = 8 + usize::from(whole[0]) + 256 * usize::from(whole[1]);
    for bit in 0..8 * header {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        // A flip inside a name gives another valid file; everything else is an error that names the file.
        match Checkpoint::load(&path) {
            Ok(loaded) => assert_eq!(loaded.tensors.len(), checkpoint.tensors.len(), "{bit}"),
            Err(error) => assert!(error.to_string().contains("last.safetensors")),
        }
    }
}

#[test]
fn foreign_files_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("foreign");
    let refused = |reason: &str| {
        let error = Checkpoint::load(&path).unwrap_err().to_string();
        assert!(error.contains("foreign"), "{error}");
        assert!(error.contains(reason), "{reason:?} is not in {error}");
    };

    refused("check the path");
    fs::create_dir(&path).unwrap();
    refused("it is a folder");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "").unwrap();
    refused("only 0 bytes");
    fs::write(&path, "PK\x03\x04 a zip archive, as torch.save writes").unwrap();
    refused("not a valid safetensors file");

    let one = |dtype: &str, offsets: &str| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":[2],"data_offsets":{offsets}}}}}"#)
    };
    for (dtype, size) in [("F64", 16), ("F16", 4), ("BF16", 4), ("I64", 16), ("U8", 2)] {
        write_raw(&path, &one(dtype, &format!("[0,{size}]")), &vec![0; size]);
        refused(&format!("tensor `w` is {dtype}"));
    }
    write_raw(&path, &one("F99", "[0,8]"), &[0; 8]);
    refused("F99");
    for offsets in ["[0,4]", "[4,12]", "[8,0]", "[0,-8]"] {
        write_raw(&path, &one("F32", offsets), &[0; 12]);
        refused("header is damaged");
    }
    // Sizes that no file has, stated in every place that a size is stated in.
    write_raw(&path, &one("F32", "[0,18446744073709551615]"), &[0; 8]);
    refused("header is damaged");
    let product = r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#;
    write_raw(&path, product, &[0; 8]);
    refused("header is damaged");
    let large = r#"{"w":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}"#;
    write_raw(&path, large, &[0; 8]);
    refused("announces 4398046511");
    fs::write(&path, u64::MAX.to_le_bytes()).unwrap();
    refused("a header of 18446744073709551615 bytes");
    write_raw(&path, &"[".repeat(100_000), &[]);
    refused("header is damaged");
    write_raw(&path, r#"{"__metadata__":{"step":4}}"#, &[]);
    refused("header is damaged");
}

#[test]
fn a_file_in_another_order_loads() {
    // As other programs may write it: tensors not in the order of their names, no padding, no metadata.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let header = r#"{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"shape":[1,1],"data_offsets":[4,8],"dtype":"F32"}}"#;
    write_raw(
        &path,
        header,
        &[2_f32.to_le_bytes(), 1_f32.to_le_bytes()].concat(),
    );
    let loaded = Checkpoint::load(&path).unwrap();
    assert_eq!(loaded.tensors["a"].data, [1.0]);
    assert_eq!(loaded.tensors["a"].shape, [1, 1]);
    assert_eq!(loaded.tensors["b"].data, [2.0]);
}

fn tensor() -> impl Strategy<Value = Tensor> {
    prop::collection::vec(0_usize..6, 0..4).prop_flat_map(|shape| {
        let len = shape.iter().product::<usize>();
        let data = prop::collection::vec(any::<u32>().prop_map(f32::from_bits), len);
        data.prop_map(move |data| Tensor {
            shape: shape.clone(),
            data,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_comes_back_bit_for_bit(
        tensors in prop::collection::btree_map("\\PC{0,12}", tensor(), 0..6),
        metadata in prop::collection::btree_map(any::<String>(), any::<String>(), 0..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let checkpoint = Checkpoint { tensors, metadata };
        checkpoint.save(&path).unwrap();
        assert_same(&Checkpoint::load(&path).unwrap(), &checkpoint);
    }

    #[test]
    fn any_bytes_load_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        len in 0_u64..80,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        fs::write(&path, [&len.to_le_bytes()[..], &bytes].concat()).unwrap();
        prop_assert!(Checkpoint::load(&path).is_err());
    }
}

/// Larger than any one chunk of reading and writing, and not a multiple of it.
#[test]
fn a_large_tensor_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    let data: Vec<f32> = (0..100_003).map(|i| i as f32).collect();
    let tensor = Tensor {
        shape: vec![100_003],
        data,
    };
    let checkpoint = Checkpoint {
        tensors: BTreeMap::from([("large".into(), tensor)]),
        metadata: BTreeMap::new(),
    };
    checkpoint.save(&path).unwrap();
    assert_eq!(Checkpoint::load(&path).unwrap(), checkpoint);
}
