// The adjoint of the reparameterization with respect to logvar; that of mu is d_z itself.
//
//   d_logvar = d_z · ½ exp(½ logvar) · eps
//
// d_z, logvar, eps, d_logvar  [len]
//
// One invocation an element. The clamp of logvar passes the gradient on, so that a value beyond it
// can come back.

/// What its parts take at a time.
alias Values = f32;

struct Params {
    len: u32,
    padding0: u32,
    padding1: u32,
    padding2: u32,
}

@group(0) @binding(0) var<storage, read> d_z: array<f32>;
@group(0) @binding(1) var<storage, read> logvar: array<f32>;
@group(0) @binding(2) var<storage, read> eps: array<f32>;
@group(0) @binding(3) var<storage, read_write> d_logvar: array<f32>;
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
    // Not `sigma`, as in `latent_grad`.
    d_logvar[i] = d_z[i] * 0.5 * exp(0.5 * min(logvar[i], LOGVAR_MAX)) * eps[i];
}
