// sin x of any x. WGSL's own has an absolute accuracy of 2⁻¹¹ between −π and π, and none outside.
fn expr_sin(x: f32) -> f32 {
    return expr_wave(x, 0u);
}

// sin(x + quarters π/2), for 0 or 1 quarters.
//
// x · 2/π is n + f with |f| ≤ ½: from as many bits of 2/π as x's exponent asks for (Payne and Hanek), in
// integers, where no digit is lost and no compiler reorders. Then by polynomials in r = f π/2, by Chebyshev
// fits to 1.3e-8 of the value.
fn expr_wave(x: f32, quarters: u32) -> f32 {
    let a = abs(x);
    var r = a;
    var n = quarters;
    if a > 0.7853981 {
        // The bits of 2/π after the point, after 32 zeros.
        var table = array<u32, 8>(
            0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
            0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
        );
        // a = m 2ᵉ⁻²³. In the product, 96 bits from e + 7 on are those below 4.
        let bits = bitcast<u32>(a);
        let m = (bits & 0x7fffffu) | 0x800000u;
        let first = (bits >> 23u) - 120u;
        let word = min(first >> 5u, 4u);
        let shift = first & 31u;
        let rest = 31u - shift;
        let w0 = (table[word] << shift) | ((table[word + 1u] >> 1u) >> rest);
        let w1 = (table[word + 1u] << shift) | ((table[word + 2u] >> 1u) >> rest);
        let w2 = (table[word + 2u] << shift) | ((table[word + 3u] >> 1u) >> rest);
        // The upper two words of m (w0, w1, w2), modulo 2⁹⁶; the upper is in units of 2⁻³⁰.
        var low = m * w1;
        let carried = expr_high_word(m, w2);
        low += carried;
        var high = m * w0 + expr_high_word(m, w1) + select(0u, 1u, low < carried);
        let nearest = (high + 0x20000000u) >> 30u;
        high -= nearest << 30u;
        let negative = (high & 0x80000000u) != 0u;
        if negative {
            low = ~low + 1u;
            high = ~high + select(0u, 1u, low == 0u);
        }
        // In units of 2⁻³⁰ and 2⁻⁶², times π/2.
        r = (f32(high) + f32(low) * 2.3283064e-10) * 1.4629181e-9;
        r = select(r, -r, negative);
        n += nearest;
    }
    let t = r * r;
    let sine = r + r * t * (-0.166666647 + t * (0.0083327471 + t * (-0.000195876391)));
    let cosine = 1.0 - 0.5 * t + t * t * (0.0416666647 + t * (-0.00138883019 + t * 2.45476898e-5));
    let y = select(sine, cosine, (n & 1u) == 1u);
    return select(y, -y, ((n & 2u) == 2u) != (quarters == 0u && x < 0.0));
}

// The upper 32 of the 64 bits of a · b, by halves of both, for a below 2²⁴.
fn expr_high_word(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let across = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (across & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (across >> 16u) + (other >> 16u);
}
