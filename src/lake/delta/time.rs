//! Versions and moments that a table is read as of.

use crate::{Error, Result};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Which version of a table is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// The version of this number.
    Version(u64),
    /// The last version that was committed at this moment or before, in milliseconds since 1970.
    TimeMs(i64),
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    ms_of(SystemTime::now())
}

/// A moment of a file, in milliseconds since 1970; 0 for one before.
pub(super) fn ms_of(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

impl FromStr for AsOf {
    type Err = Error;

    /// Reads a version (`12`) or a moment (`2026-11-22`, `2026-11-22T09:30:00Z`, `2026-11-22T09:30:00.250+01:00`).
    fn from_str(text: &str) -> Result<Self> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let version = text.parse().ok().filter(|&v| i64::try_from(v).is_ok());
            return version.map(AsOf::Version).ok_or_else(|| unreadable(text));
        }
        moment_ms(text)
            .map(AsOf::TimeMs)
            .ok_or_else(|| unreadable(text))
    }
}

fn unreadable(text: &str) -> Error {
    let shown: String = text.chars().take(40).collect();
    Error::input(format!(
        "--as-of {shown:?} is neither a version nor a time; give a number like 12 or a time like 2026-11-22T09:30:00Z"
    ))
}

fn moment_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, clock) = match text.split_once(['T', ' ']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let [year, month, day] = numbers(date, '-')?;
    let in_range = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !in_range || day < 1 || day > days_in(year, month) {
        return None;
    }
    let midnight = days_since_1970(year, month, day) * 86_400_000;
    Some(midnight + clock.map_or(Some(0), clock_ms)?)
}

/// The milliseconds of `HH:MM:SS[.fff][Z|±HH:MM]` since midnight in UTC.
fn clock_ms(clock: &str) -> Option<i64> {
    let (clock, shift_minutes) = match clock.find(['Z', '+', '-']) {
        None => (clock, 0),
        Some(at) => {
            let (clock, zone) = clock.split_at(at);
            (clock, zone_minutes(zone)?)
        }
    };
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let digits = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
    if hour > 23 || minute > 59 || second > 59 || !digits {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    Some((hour * 3600 + (minute - shift_minutes) * 60 + second) * 1000 + millis)
}

fn zone_minutes(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = numbers(&zone[1..], ':')?;
    (hours <= 14 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

/// `N` unsigned numbers of up to four digits.
fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut parts = text.split(separator);
    let mut values = [0; N];
    for value in &mut values {
        let digits = parts.next()?;
        let plain = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        *value = plain.then(|| digits.parse().ok())??;
    }
    parts.next().is_none().then_some(values)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(|y| 365 + i64::from(is_leap(y))).sum();
    let months: i64 = (1..month).map(|m| days_in(year, m)).sum();
    years + months + day - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("2000-03-01", 951_868_800_000),
            ("2026-11-22T09:30:00Z", 1_795_339_800_000),
            ("2026-11-22 10:30:00.25+01:00", 1_795_339_800_250),
        ] {
            assert_eq!(text.parse::<AsOf>().unwrap(), AsOf::TimeMs(ms), "{text}");
        }
        assert_eq!("17".parse::<AsOf>().unwrap(), AsOf::Version(17));
    }

    #[test]
    fn other_words_are_refused() {
        for text in [
            "",
            "x",
            "-1",
            "2026-02-29",
            "2026-13-01",
            "2026-01-01T25:00:00",
            "99999999999999999999",
            "1969-01-01",
        ] {
            assert!(text.parse::<AsOf>().is_err(), "{text}");
        }
    }
}
