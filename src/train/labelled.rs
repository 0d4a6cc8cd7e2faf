//! Which images a training with labels in part knows the labels of.

use super::windows::Input;
use super::{Settings, TrainError};
use crate::model::{Labelled, Vae};
use crate::setting::Setting;

/// The model with the labelled ones of these images, where labels are known in part; else as it is.
pub(super) fn with_labelled(
    vae: Vae,
    settings: &Settings,
    train: &Input<'_>,
) -> Result<Vae, TrainError> {
    let (Some(count), Some(labels)) = (settings.labelled, train.labels()) else {
        return Ok(vae);
    };
    let chosen = labelled_rows(labels, vae.config().classes, count)?;
    let images = train.floats(&chosen);
    let classes = chosen.iter().map(|&row| f32::from(labels[row]));
    Ok(vae.with_labelled(Labelled {
        images: images.into(),
        classes: classes.collect(),
        weight: settings.alpha * train.count() as f64 / count as f64,
    }))
}

/// The first rows of each class, equally many of each, `count` in all; in their order.
///
/// # Errors
/// Where the classes do not share `count` equally, or one has too few images.
pub fn labelled_rows(
    labels: &[u8],
    classes: usize,
    count: usize,
) -> Result<Vec<usize>, TrainError> {
    let fail = |expected: &str| Err(TrainError::setting(Setting::Labelled, &count, expected));
    if count > labels.len() {
        let images = labels.len();
        return fail(&format!(
            "there are {images} training images to know labels of"
        ));
    }
    if count == 0 || classes == 0 || !count.is_multiple_of(classes) {
        let above = count.next_multiple_of(classes.max(1)).max(classes);
        let below = above - classes;
        let nearest = match below {
            0 => above.to_string(),
            _ => format!("{below} or {above}"),
        };
        return fail(&format!(
            "the {classes} classes have equally many each; choose a multiple of {classes} such as {nearest}"
        ));
    }
    let each = count / classes;
    let mut found = vec![0; classes];
    let mut chosen = Vec::with_capacity(count);
    for (row, &label) in labels.iter().enumerate() {
        // A label that is none of the classes was refused before.
        if let Some(found) = found.get_mut(usize::from(label)) {
            *found += 1;
            if *found <= each {
                chosen.push(row);
            }
        }
    }
    let poorest = found.iter().enumerate().min_by_key(|(_, found)| **found);
    match poorest {
        Some((class, &found)) if found < each => {
            let most = match found {
                0 => "use data with images of every class".to_owned(),
                _ => format!("choose at most {}", found * classes),
            };
            fail(&format!(
                "these are {each} of each class, and class {class} has {found} training images; {most}"
            ))
        }
        _ => Ok(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::labelled_rows;

    #[test]
    fn the_first_of_each_class_are_chosen_in_their_order() {
        let labels = [2, 0, 0, 1, 0, 2, 1, 1, 2, 0];
        assert_eq!(labelled_rows(&labels, 3, 6).unwrap(), [0, 1, 2, 3, 5, 6]);
        assert_eq!(labelled_rows(&labels, 3, 3).unwrap(), [0, 1, 3]);
    }

    #[test]
    fn counts_that_cannot_be_say_what_can() {
        let labels = [2, 0, 0, 1, 0, 2, 1, 1, 2, 0];
        for (classes, count, parts) in [
            (3, 0, &["is 0", "such as 3"][..]),
            (3, 2, &["is 2", "such as 3"]),
            (3, 5, &["multiple of 3 such as 3 or 6"]),
            (3, 11, &["is 11", "there are 10 training images"]),
            (4, 4, &["class 3 has 0 training images", "every class"]),
            (5, 10, &["2 of each class", "class 3 has 0"]),
        ] {
            let error = labelled_rows(&labels, classes, count)
                .unwrap_err()
                .to_string();
            for part in parts {
                assert!(error.contains(part), "{error}");
            }
        }
        let few = [0, 0, 0, 0, 1, 1];
        let error = labelled_rows(&few, 2, 6).unwrap_err().to_string();
        assert!(
            error.contains("class 1 has 2") && error.contains("at most 4"),
            "{error}"
        );
    }
}
