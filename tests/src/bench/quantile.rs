//! Quantiles of a handful of measurements. Takes samples in any order, gives one of them; never interpolates.

/// The smallest sample that at least the share `q` (0 to 1) of all samples does not exceed; 0 without samples.
pub(super) fn quantile(samples: &[f64], q: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank is between 0 and the number of samples"
    )]
    let rank = (q * sorted.len() as f64).ceil() as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(rank.saturating_sub(1).min(last)).copied().unwrap_or(0.0)
}

/// The middle sample.
pub(super) fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// The largest sample.
pub(super) fn max(samples: &[f64]) -> f64 {
    quantile(samples, 1.0)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these figures are exact")]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_samples() {
        let samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            [0.0, 0.005, 0.5, 0.99, 1.0].map(|q| quantile(&samples, q)),
            [1.0, 1.0, 100.0, 198.0, 200.0]
        );
    }

    #[test]
    fn the_median_of_an_odd_number_is_the_middle_one() {
        assert_eq!(median(&[9.9, 8.8, 12.0]), 9.9);
        assert_eq!(max(&[9.9, 8.8, 12.0]), 12.0);
    }

    #[test]
    fn one_sample_is_every_quantile_and_none_gives_zero() {
        assert_eq!([0.0, 0.5, 1.0].map(|q| quantile(&[7.0], q)), [7.0; 3]);
        assert_eq!(quantile(&[], 0.99), 0.0);
    }
}
