//! One picture file's bytes as pixels.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageDecoder, ImageFormat, ImageReader, Limits,
    RgbImage,
};

use super::raster::Raster;
use super::{Colours, Flaw, PictureOptions, jpeg, tiff, webp};

/// Decodes a picture, of whose bytes so many are more than lie in its archive.
///
/// The memory that the pixels need is computed from what the file declares and held against the limit before any of it
/// is asked for.
pub(super) fn decode(
    bytes: &[u8],
    inflated: u64,
    options: &PictureOptions,
) -> Result<Raster, Flaw> {
    let kind = kind(bytes)?;
    let limit = options.decode_limit.saturating_sub(inflated);
    let mut decoder = decoder(bytes, kind, limit)?;
    let (width, height) = decoder.dimensions();
    let colour = colour(&decoder)?;
    if width == 0 || height == 0 {
        return Err(Flaw::Empty);
    }
    let wanted = options.colours.unwrap_or(match colour.has_color() {
        true => Colours::Rgb,
        false => Colours::Grey,
    });
    let needed = of_decoder(bytes, kind, decoder.total_bytes(), [width, height])?
        .saturating_add(of_conversion([width, height], colour, wanted, options));
    if needed > limit {
        return Err(Flaw::TooLarge {
            width,
            height,
            needed: needed.saturating_add(inflated),
            limit: options.decode_limit,
        });
    }
    // What a decoder says of its metadata is no reason to refuse its pixels.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(|error| flaw(kind, error))?;
    let raster = flat(image, wanted);
    let raster = match options.size {
        Some(size) if is_turn(orientation) => raster.fitted(size.turned(), options.fit),
        Some(size) => raster.fitted(size, options.fit),
        None => raster,
    };
    Ok(raster.upright(orientation))
}

/// Whether a picture is in colours, by what its file declares.
pub(super) fn is_in_colours(bytes: &[u8], options: &PictureOptions) -> Result<bool, Flaw> {
    let kind = kind(bytes)?;
    let decoder = decoder(bytes, kind, options.decode_limit)?;
    Ok(colour(&decoder)?.has_color())
}

/// The format that the contents are of.
pub(super) fn kind(bytes: &[u8]) -> Result<ImageFormat, Flaw> {
    use ImageFormat::{Jpeg, Png, Tiff, WebP};
    let kind = image::guess_format(bytes).map_err(|_| Flaw::Kind)?;
    match kind {
        Png | Jpeg | WebP | Tiff => Ok(kind),
        _ => Err(Flaw::Kind),
    }
}

fn decoder(bytes: &[u8], kind: ImageFormat, limit: u64) -> Result<impl ImageDecoder + '_, Flaw> {
    // Decoders ask for as much as a chunk of WebP or an entry of TIFF says it has, before they know a limit.
    match kind {
        ImageFormat::WebP => drop(webp::most_pixels(bytes)?),
        ImageFormat::Tiff => tiff::check(bytes, limit)?,
        _ => {}
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(limit);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| flaw(kind, error))
}

/// The kind of its pixels, where they are shades.
fn colour(decoder: &impl ImageDecoder) -> Result<ColorType, Flaw> {
    let colour = decoder.color_type();
    let declared = decoder.original_color_type();
    match colour {
        ColorType::Rgb32F | ColorType::Rgba32F => Err(Flaw::Floats),
        _ if matches!(
            declared,
            ExtendedColorType::Rgb32F | ExtendedColorType::Rgba32F
        ) =>
        {
            Err(Flaw::Floats)
        }
        colour => Ok(colour),
    }
}

/// Bytes that a decoder holds at once, its result of so many included.
fn of_decoder(
    bytes: &[u8],
    kind: ImageFormat,
    result: u64,
    [width, height]: [u32; 2],
) -> Result<u64, Flaw> {
    let pixels = u64::from(width) * u64::from(height);
    Ok(match kind {
        // Three times 16 bits of coefficients beside 8 bits of each pixel.
        ImageFormat::Jpeg if jpeg::holds_coefficients(bytes)? => {
            result.saturating_add(pixels.saturating_mul(6))
        }
        ImageFormat::Jpeg => result,
        // Four bytes of each pixel of the frame beside the result.
        ImageFormat::WebP => {
            let pixels = pixels.max(webp::most_pixels(bytes)?);
            result.saturating_add(pixels.saturating_mul(4))
        }
        // The strips or tiles beside the result.
        ImageFormat::Tiff => result.saturating_mul(2),
        _ => result,
    })
}

/// Bytes that it takes to make an image of what was decoded.
fn of_conversion(
    [width, height]: [u32; 2],
    colour: ColorType,
    wanted: Colours,
    options: &PictureOptions,
) -> u64 {
    let pixels = u64::from(width) * u64::from(height);
    let channels = wanted.channels() as u64;
    let flat = match colour {
        ColorType::L8 if wanted == Colours::Grey => 0,
        ColorType::Rgb8 if wanted == Colours::Rgb => 0,
        colour if colour.has_alpha() => 7 + channels,
        _ => channels,
    };
    let last = match options.size {
        // The filter has four `f32` for each pixel of lines that are short already.
        Some(size) => {
            let columns = u64::from(width).min(6 * u64::from(size.width.max(size.height)));
            16 * columns * u64::from(size.height.max(size.width))
        }
        // Once to turn it, and once where all images lie.
        None => pixels.saturating_mul(2 * channels),
    };
    pixels.saturating_mul(flat).saturating_add(last)
}

/// In grey or in colours, of 8 bits, over white where it is not opaque.
fn flat(image: DynamicImage, wanted: Colours) -> Raster {
    let opaque = match image.color().has_alpha() {
        true => over_white(image),
        false => image,
    };
    Raster::from(match wanted {
        Colours::Grey => DynamicImage::from(opaque.into_luma8()),
        Colours::Rgb => DynamicImage::from(opaque.into_rgb8()),
    })
}

/// What a page shows of a picture that is not opaque: white where it is not.
fn over_white(image: DynamicImage) -> DynamicImage {
    let rgba = image.into_rgba8();
    let (width, height) = rgba.dimensions();
    let mut opaque = RgbImage::new(width, height);
    for (to, from) in opaque.pixels_mut().zip(rgba.pixels()) {
        let [r, g, b, alpha] = from.0.map(u32::from);
        let over = |value: u32| ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        to.0 = [r, g, b].map(over);
    }
    opaque.into()
}

/// Whether columns become rows.
fn is_turn(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(
        orientation,
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH
    )
}

/// What a decoder says is wrong.
fn flaw(kind: ImageFormat, error: image::ImageError) -> Flaw {
    let kind = match kind {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::WebP => "WebP",
        _ => "TIFF",
    };
    Flaw::Decode {
        kind,
        reason: error.to_string(),
    }
}
