//! Every shader as naga reads it: valid, bound as the Rust side says, within WebGPU's default
//! limits, and translatable for Vulkan, Metal and DX12.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use naga::back::{PipelineConstants, hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage, StorageAccess};
use vae_wgpu::gpu::{Access, Kernel};
use vae_wgpu::kernels;
use vae_wgpu::kernels::KernelActivation;

use crate::support::harness::{Test, tests};

pub(crate) fn tests() -> Vec<Test> {
    tests![plain:
        every_file_is_a_kernel,
        bindings_match,
        no_two_bindings_share_a_name,
        parameters_match,
        every_activation_has_a_case_in_every_shader,
        defaults_stay_within_webgpu_limits,
        shaders_translate,
    ]
}

/// A shader with what the validator knows of it.
fn read(kernel: &Kernel) -> (Module, ModuleInfo) {
    let name = &kernel.name;
    let module = naga::front::wgsl::parse_str(&kernel.source)
        .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&kernel.source, name)));
    let info = validator(kernel)
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&kernel.source, name)));
    (module, info)
}

/// What WebGPU has without any feature; but for the kernels that are named after one.
fn validator(kernel: &Kernel) -> Validator {
    let capabilities = if is_cooperative(kernel) {
        Capabilities::SUBGROUP | Capabilities::SHADER_FLOAT16 | Capabilities::COOPERATIVE_MATRIX
    } else if ["rows_subgroups", "update_subgroups"].contains(&kernel.name.as_ref()) {
        Capabilities::SUBGROUP | Capabilities::SHADER_INT64
    } else if kernel.name.ends_with("_subgroups") {
        Capabilities::SUBGROUP
    } else {
        Capabilities::empty()
    };
    Validator::new(ValidationFlags::all(), capabilities)
}

/// Whether a kernel runs on matrix units.
fn is_cooperative(kernel: &Kernel) -> bool {
    kernel.name.starts_with("gemm_cooperative_")
}

/// A kernel's text is its file after parts that others may share, and every file serves a kernel. On
/// matrix units a head that depends on their size comes first.
fn every_file_is_a_kernel() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let parts = read_files(&folder.join("parts"));
    let mut files = read_files(&folder);
    let tail = files.remove("gemm_cooperative").unwrap();
    let names = kernels::ALL.iter().map(|kernel| kernel.name.as_ref());
    assert_eq!(
        files.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        names.collect(),
        "files in shaders/, and kernels::ALL"
    );
    let mut used = BTreeSet::new();
    for kernel in kernels::ALL {
        let (name, own) = (&kernel.name, &files[kernel.name.as_ref()]);
        let rest = if is_cooperative(kernel) {
            let rest = kernel.source.strip_prefix(own.as_str());
            rest.and_then(|rest| rest.strip_suffix(&tail))
        } else {
            kernel.source.strip_suffix(own)
        };
        let mut rest = rest.unwrap_or_else(|| panic!("{name} holds another file's source"));
        while !rest.is_empty() {
            let next = parts.iter().find(|(_, part)| rest.starts_with(*part));
            let (part, text) = next.unwrap_or_else(|| panic!("{name}: no part begins {rest}"));
            used.insert(part);
            rest = &rest[text.len()..];
        }
    }
    assert_eq!(used, parts.keys().collect(), "parts that kernels have");
    for (name, text) in files.iter().chain(&parts) {
        let has_comment = text.starts_with("// ");
        assert!(has_comment, "{name} does not open with a comment");
    }
}

/// The WGSL files in a folder, by name.
fn read_files(folder: &Path) -> BTreeMap<String, String> {
    let paths = std::fs::read_dir(folder).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    let shaders = paths.filter(|path| path.is_file()).map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = name.strip_suffix(".wgsl").unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    shaders.collect()
}

/// Numbers, names and access modes; the parameters come last.
fn bindings_match() {
    for kernel in kernels::ALL {
        let (module, _) = read(kernel);
        let mut found: Vec<_> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let binding = variable.binding?;
                assert_eq!(binding.group, 0, "{}: group", kernel.name);
                Some((
                    binding.binding,
                    variable.name.clone().unwrap(),
                    variable.space,
                ))
            })
            .collect();
        found.sort_by_key(|(binding, ..)| *binding);
        let storage = kernel.bindings.iter().map(|binding| {
            let access = match binding.access {
                Access::Read => StorageAccess::LOAD,
                Access::ReadWrite => StorageAccess::LOAD | StorageAccess::STORE,
            };
            (binding.name.to_string(), AddressSpace::Storage { access })
        });
        let params = [("params".to_owned(), AddressSpace::Uniform)];
        let expected: Vec<_> = (0..)
            .zip(storage.chain(params))
            .map(|(number, (name, space))| (number, name, space))
            .collect();
        assert_eq!(found, expected, "{}", kernel.name);
    }
}

fn no_two_bindings_share_a_name() {
    for kernel in kernels::ALL {
        let names: BTreeSet<_> = kernel
            .bindings
            .iter()
            .map(|binding| &binding.name)
            .collect();
        assert_eq!(names.len(), kernel.bindings.len(), "{}", kernel.name);
    }
}

/// The uniform is as large as the Rust side's; the counters are [`kernels::State`] everywhere.
fn parameters_match() {
    for kernel in kernels::ALL {
        let (module, _) = read(kernel);
        for (_, variable) in module.global_variables.iter() {
            let size = module.types[variable.ty].inner.size(module.to_ctx()) as usize;
            match variable.name.as_deref() {
                Some("params") => assert_eq!(size, kernel.params, "{}: Params", kernel.name),
                Some("state") => {
                    assert_eq!(size, size_of::<kernels::State>(), "{}: State", kernel.name);
                }
                _ => {}
            }
        }
    }
}

/// An activation without a case has NaN for a value in a shader, and no training with it would get
/// anywhere. Each has a constant of its name, the code, and a case forward and in the derivative; so has
/// the code of no activation.
fn every_activation_has_a_case_in_every_shader() {
    let mut found = 0;
    for kernel in kernels::ALL {
        let name = &kernel.name;
        // Products in registers take along nothing but ReLU.
        if !kernel.source.contains("RELU") || *name == kernels::gemm::REGISTERS.name {
            continue;
        }
        found += 1;
        let code: Vec<_> = kernel.source.lines().map(without_comment).collect();
        let functions = KernelActivation::ALL.into_iter().map(Some).chain([None]);
        for function in functions {
            let constant = function.map_or("NONE".to_owned(), |function| {
                function.name().to_uppercase().replace('-', "_")
            });
            let value = kernels::activation_code(function);
            let declared = format!("const {constant}: u32 = {value};");
            assert!(code.contains(&declared.as_str()), "{name}: {declared}");
            for map in ["activate", "derivative"] {
                let body = body(&kernel.source, map).unwrap_or_else(|| panic!("{name}: no {map}"));
                let case = format!("case {constant}: {{ return ");
                let selected = format!(", function == {constant});");
                let has_case = |line: &&str| line.starts_with(&case) || line.ends_with(&selected);
                assert!(body.iter().any(has_case), "{name}: {map} of {constant}");
            }
        }
        for map in ["activate", "derivative"] {
            let others = body(&kernel.source, map).unwrap();
            let unknown = |line: &&str| {
                *line == "default: { return unknown(function); }"
                    || line.contains("= select(unknown(function), ")
            };
            assert!(others.iter().any(unknown), "{name}: {map} of other codes");
        }
    }
    assert!(found > 0, "no shader has an activation");
}

/// The lines of a function, trimmed and without comments.
fn body<'a>(source: &'a str, function: &str) -> Option<Vec<&'a str>> {
    let (_, rest) = source.split_once(&format!("\nfn {function}("))?;
    let (body, _) = rest.split_once("\n}\n")?;
    Some(body.lines().map(without_comment).collect())
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default().trim()
}

fn defaults_stay_within_webgpu_limits() {
    for kernel in kernels::ALL {
        let name = &kernel.name;
        assert!(kernel.bindings.len() <= 8, "{name}: storage buffers");
        let (module, info) = read(kernel);
        let (module, _) =
            process_overrides(&module, &info, MAIN, &PipelineConstants::default()).unwrap();
        let entry_points: Vec<_> = module
            .entry_points
            .iter()
            .map(|entry| (entry.stage, entry.name.as_str()))
            .collect();
        assert_eq!(entry_points, MAIN.as_slice(), "{name}: entry points");
        let [x, y, z] = module.entry_points[0].workgroup_size;
        assert!(
            x * y * z <= 256 && z <= 64,
            "{name}: a workgroup of {x}×{y}×{z}"
        );
        let memory: u32 = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
            .sum();
        assert!(
            memory <= 16_384,
            "{name}: {memory} bytes of workgroup memory"
        );
    }
}

const MAIN: Option<(ShaderStage, &str)> = Some((ShaderStage::Compute, "main"));

/// With switches as they are, all on and all off: each leaves other code.
fn shaders_translate() {
    for kernel in kernels::ALL {
        let (module, info) = read(kernel);
        let switches: Vec<String> = module
            .overrides
            .iter()
            .filter(|(_, constant)| {
                matches!(
                    module.types[constant.ty].inner,
                    naga::TypeInner::Scalar(naga::Scalar::BOOL)
                )
            })
            .filter_map(|(_, constant)| constant.name.clone())
            .collect();
        for set in [None, Some(1.0), Some(0.0)] {
            let constants: PipelineConstants = set
                .map(|value| switches.iter().map(|name| (name.clone(), value)).collect())
                .unwrap_or_default();
            let (module, _) = process_overrides(&module, &info, MAIN, &constants).unwrap();
            let info = validator(kernel)
                .validate_resolved_overrides(&module)
                .unwrap();
            translate(kernel, &module, &info);
        }
    }
}

/// A shader with its overrides at their defaults, translated.
pub(crate) fn check_translations(kernel: &Kernel) {
    let (module, info) = read(kernel);
    let defaults = PipelineConstants::default();
    let (module, _) = process_overrides(&module, &info, MAIN, &defaults).unwrap();
    let info = validator(kernel)
        .validate_resolved_overrides(&module)
        .unwrap();
    translate(kernel, &module, &info);
}

/// Bindings get their numbers from wgpu when it runs; here any will do. DX12 has no matrix units, and
/// Metal those of 8×8.
fn translate(kernel: &Kernel, module: &Module, info: &ModuleInfo) {
    to_spirv(&kernel.name, module, info);
    let sixteen = kernel.name == kernels::gemm::COOPERATIVE_16.name;
    if !sixteen {
        to_metal(&kernel.name, module, info);
    }
    if !is_cooperative(kernel) {
        to_hlsl(&kernel.name, module, info);
    }
}

fn to_spirv(name: &str, module: &Module, info: &ModuleInfo) {
    let options = spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: "main".to_owned(),
    };
    let spirv = spv::write_vec(module, info, &spv::Options::default(), Some(&options));
    let spirv = spirv.unwrap_or_else(|e| panic!("{name} to SPIR-V: {e}"));
    assert_eq!(spirv[0], 0x0723_0203, "{name}: SPIR-V's magic number");
}

fn to_metal(name: &str, module: &Module, info: &ModuleInfo) {
    let options = msl::PipelineOptions {
        entry_point: MAIN.map(|(stage, name)| (stage, name.to_owned())),
        ..Default::default()
    };
    let metal = msl::Options {
        // The first with matrix units.
        lang_version: (2, 3),
        fake_missing_bindings: true,
        ..Default::default()
    };
    let (source, translated) = msl::write_string(module, info, &metal, &options)
        .unwrap_or_else(|e| panic!("{name} to MSL: {e}"));
    for entry_point in translated.entry_point_names {
        let function = entry_point.unwrap_or_else(|e| panic!("{name} to MSL: {e}"));
        assert!(
            source.contains(&format!("kernel void {function}")),
            "{name}: no MSL kernel"
        );
    }
}

fn to_hlsl(name: &str, module: &Module, info: &ModuleInfo) {
    let entry_point = MAIN.map(|(stage, name)| (stage, name.to_owned()));
    let options = hlsl::PipelineOptions { entry_point };
    let dx12 = hlsl::Options {
        fake_missing_bindings: true,
        ..Default::default()
    };
    let mut source = String::new();
    let translated = hlsl::Writer::new(&mut source, &dx12, &options)
        .write(module, info, None)
        .unwrap_or_else(|e| panic!("{name} to HLSL: {e}"));
    for entry_point in translated.entry_point_names {
        let function = entry_point.unwrap_or_else(|e| panic!("{name} to HLSL: {e}"));
        assert!(
            source.contains(&format!("void {function}(")),
            "{name}: no HLSL entry point"
        );
    }
}
