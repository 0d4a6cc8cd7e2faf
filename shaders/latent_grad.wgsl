// The adjoint of `latent`: the gradients of mu and logvar from those of z and of the divergence.
//
//   d_mu[r, c]     = d_z + d_rows[r] · mu
//   d_logvar[r, c] = d_z · ½ exp(½ logvar) · eps + d_rows[r] · ½ (exp(logvar) − 1)
//
// mu, logvar, eps, d_z, d_mu, d_logvar  [rows, columns]
// d_rows                                [rows]
//
// One invocation an element. The clamp of logvar passes the gradient on, so that a value beyond it
// can come back.

/// What its parts take at a time.
alias Values = f32;

struct Params {
    rows: u32,
    columns: u32,
    padding0: u32,
    padding1: u32,
}

@group(0) @binding(0) var<storage, read> mu: array<f32>;
@group(0) @binding(1) var<storage, read> logvar: array<f32>;
@group(0) @binding(2) var<storage, read> eps: array<f32>;
@group(0) @binding(3) var<storage, read> d_z: array<f32>;
@group(0) @binding(4) var<storage, read> d_rows: array<f32>;
@group(0) @binding(5) var<storage, read_write> d_mu: array<f32>;
@group(0) @binding(6) var<storage, read_write> d_logvar: array<f32>;
@group(0) @binding(7) var<uniform> params: Params;

override WORKGROUP: u32 = 64;

@compute @workgroup_size(WORKGROUP)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let i = id.x + id.y * groups.x * WORKGROUP;
    if i >= params.rows * params.columns {
        return;
    }
    let upstream = d_rows[i / params.columns];
    let l = logvar[i];
    d_mu[i] = d_z[i] + upstream * mu[i];
    // Not `sigma`: OpenGL's compiler orders the products about a call otherwise, with other last bits.
    d_logvar[i] = d_z[i] * 0.5 * exp(0.5 * min(l, LOGVAR_MAX)) * eps[i]
        + upstream * 0.5 * exp_minus_one(l);
}
