// The reparameterization (Kingma and Welling 2013, section 2.4).
//
//   z = mu + exp(½ logvar) · eps
//
// mu, logvar, eps, z  [len]
//
// One invocation an element. logvar is clamped where exp would overflow.

/// What its parts take at a time.
alias Values = f32;

struct Params {
    len: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> mu: array<f32>;
@group(0) @binding(1) var<storage, read> logvar: array<f32>;
@group(0) @binding(2) var<storage, read> eps: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.len {
        return;
    }
    z[i] = mu[i] + sigma(logvar[i]) * eps[i];
}
