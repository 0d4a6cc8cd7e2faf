// Standard normals from counters: Philox4x32-10 (Salmon et al. 2011) and Box–Muller.

const TAU: f32 = 6.2831853;
const UNIT: f32 = 1.0 / 16777216.0;

/// The 64-bit product of two words as (low, high), from 16-bit halves: WGSL has no wider integer.
fn multiply(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let mid0 = (a >> 16u) * (b & 0xffffu);
    let mid1 = (a & 0xffffu) * (b >> 16u);
    let carry = (low >> 16u) + (mid0 & 0xffffu) + (mid1 & 0xffffu);
    let high = (a >> 16u) * (b >> 16u) + (mid0 >> 16u) + (mid1 >> 16u) + (carry >> 16u);
    return vec2<u32>(a * b, high);
}

fn philox(start: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var counter = start;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        let p0 = multiply(counter.x, 0xD2511F53u);
        let p1 = multiply(counter.z, 0xCD9E8D57u);
        counter = vec4<u32>(p1.y ^ counter.y ^ key.x, p1.x, p0.y ^ counter.w ^ key.y, p0.x);
        key += vec2<u32>(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

/// Four normals from four words, two of each two; a radius's uniform is in (0, 1].
///
/// WGSL promises the accuracy of `sin` and `cos` within ±π only, so the angle is taken from there.
/// The logarithm of a number next to 1 may come out above 0: the root must not see that.
fn normals(words: vec4<u32>) -> vec4<f32> {
    let u = vec2<f32>((words.xz >> vec2<u32>(8u)) + 1u) * UNIT;
    let radius = sqrt(max(-2.0 * log(u), vec2<f32>(0.0)));
    let turn = vec2<f32>(words.yw >> vec2<u32>(8u)) * UNIT;
    let angle = TAU * (turn - select(vec2<f32>(0.0), vec2<f32>(1.0), turn >= vec2<f32>(0.5)));
    let x = radius * cos(angle);
    let y = radius * sin(angle);
    return vec4<f32>(x.x, y.x, x.y, y.y);
}

