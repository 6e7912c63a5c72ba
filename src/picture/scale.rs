//! Round numbers for axes, isolines and bars, and how they are written.

/// The most ticks of a scale; a scale with more has run out of digits and gets none.
const MOST_TICKS: f64 = 1000.0;

/// The least of …, 0.1, 0.2, 0.5, 1, 2, 5, 10, … that is at least `least`.
pub(super) fn round_step(least: f64) -> f64 {
    if !(least.is_finite() && least > 1e-300) {
        return 1.0;
    }
    let power = least.log10().floor() as i32;
    [1.0, 2.0, 5.0, 10.0, 20.0]
        .into_iter()
        .map(|digit| digit * decimal(power))
        // A step that is short by a rounding error is meant.
        .find(|step| *step >= least * (1.0 - 1e-9))
        .unwrap_or(least)
}

/// The powers of ten that have exact inverses are made from those.
fn decimal(power: i32) -> f64 {
    if power < 0 {
        1.0 / 10f64.powi(-power)
    } else {
        10f64.powi(power)
    }
}

/// The multiples of `step` within `low…high`, none if doubles cannot tell them apart.
pub(super) fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let slack = 1e-9 * (high - low).abs() / step;
    let (first, last) = ((low / step - slack).ceil(), (high / step + slack).floor());
    if !(first.abs() < 1e15 && last.abs() < 1e15 && last - first < MOST_TICKS) {
        return Vec::new();
    }
    (first as i64..=last as i64)
        .map(|i| {
            if step < 1.0 {
                i as f64 / (1.0 / step).round()
            } else {
                i as f64 * step
            }
        })
        .collect()
}

/// A number in metres, with the digits that `step` has.
pub(super) fn number(value: f64, step: f64) -> String {
    let digits = (-step.log10() - 1e-9).ceil();
    if digits > 6.0 || value.abs() >= 1e9 {
        let zero = value == 0.0;
        return if zero {
            "0".to_owned()
        } else {
            format!("{value:.3e}")
        };
    }
    let text = format!("{value:.*}", digits.max(0.0) as usize);
    // No minus before a zero.
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| c == '0' || c == '.') => rest.to_owned(),
        _ => text,
    }
}

/// A coordinate or a distance in metres, to a hundredth of a cell and without needless zeros.
pub(super) fn position(value: f64, cell_size_m: f64) -> String {
    let text = number(value, round_step(cell_size_m / 100.0));
    if text.contains('e') || !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A count with its digits in groups of three.
pub(super) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_one_two_five() {
        let cases = [
            (0.03, 0.05),
            (0.1, 0.1),
            (0.11, 0.2),
            (3.0, 5.0),
            (5.1, 10.0),
            (99.0, 100.0),
            (2e-7, 2e-7),
            (0.0, 1.0),
            (f64::NAN, 1.0),
        ];
        for (least, step) in cases {
            assert!((round_step(least) - step).abs() <= step * 1e-12, "{least}");
        }
    }

    #[test]
    fn ticks_are_exact_multiples() {
        assert_eq!(multiples(0.1, 0.0, 0.3), [0.0, 0.1, 0.2, 0.3]);
        assert_eq!(multiples(5.0, -7.0, 11.0), [-5.0, 0.0, 5.0, 10.0]);
        assert!(multiples(1e-9, 1e12, 1e12 + 1.0).is_empty());
        assert!(multiples(1.0, f64::NEG_INFINITY, f64::NAN).is_empty());
    }

    #[test]
    fn numbers_have_the_digits_of_their_step() {
        assert_eq!(number(2.5, 0.5), "2.5");
        assert_eq!(number(-0.0, 0.1), "0.0");
        assert_eq!(number(40.0, 20.0), "40");
        assert_eq!(number(3e-8, 1e-8), "3.000e-8");
        assert_eq!(number(0.0, 1e-300), "0");
        assert_eq!(number(7e12, 1.0), "7.000e12");
        assert_eq!(position(130.25, 2.5), "130.25");
        assert_eq!(position(-3.0, 0.1), "-3");
        assert_eq!(
            [0, 999, 1000, 1234567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
