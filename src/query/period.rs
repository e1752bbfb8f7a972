//! Dates as periods: `datetime=2018`, `2018-01..2018-03`, `2018-01-05T10:00:00Z..`.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::error::Fault;
use crate::item::{Span, instant};

/// What one date or time covers: a year, a month, a day, a minute or an instant, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Period {
    /// Its first instant.
    pub first: Timestamp,
    /// Its last: one nanosecond before the next begins.
    pub last: Timestamp,
}

const FORMS: &str = "write 2018, 2018-01, 2018-01-05 or 2018-01-05T10:00:00Z";

/// The span of a `datetime=` value.
pub(super) fn parse(text: &str) -> Result<Span, Fault> {
    let text = text.trim();
    if text.contains('/') {
        return Err(Fault::new("/ is no part of a name")
            .hint(format!("did you mean datetime={}?", text.replacen('/', "..", 1).replace("....", ".."))));
    }
    let Some((from, to)) = text.split_once("..") else {
        let Period { first, last } = period(text)?;
        return Ok(Span { start: Some(first), end: Some(last) });
    };
    if from.trim().is_empty() && to.trim().is_empty() {
        return Err(
            Fault::new("both ends are open").hint("leave the segment out, or close one end as in 2018..")
        );
    }
    let end = |text: &str| (!text.trim().is_empty()).then(|| period(text.trim())).transpose();
    let (start, end) = (end(from)?.map(|p| p.first), end(to)?.map(|p| p.last));
    match (start, end) {
        (Some(s), Some(e)) if s > e => Err(Fault::new("it ends before it begins").hint(format!(
            "did you mean datetime={}..{}?",
            to.trim(),
            from.trim()
        ))),
        _ => Ok(Span { start, end }),
    }
}

/// The period that a date or time names.
pub(super) fn period(text: &str) -> Result<Period, Fault> {
    let bytes = text.as_bytes();
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    match parts[..] {
        [year] if year.len() == 4 && digits(year) => Ok(years(number(year)?)),
        [year, month] if (year.len(), month.len()) == (4, 2) && digits(year) && digits(month) => {
            month_of(number(year)?, number(month)?)
        }
        [year, month, day]
            if text.len() == 10 && year.len() == 4 && month.len() == 2 && digits(&parts.concat()) =>
        {
            Ok(one_day(day_of(number(year)?, number(month)?, number(day)?)?))
        }
        _ if bytes.len() > 11 && text.is_ascii() && matches!(bytes[10], b'T' | b't' | b' ') => time_of(text),
        _ => Err(misread(text)),
    }
}

/// Best guesses at what else was written.
fn misread(text: &str) -> Fault {
    let fault = Fault::new(format!("{text:?} is no date"));
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    if digits && text.len() == 8 {
        return fault.hint(format!("did you mean {}-{}-{}?", &text[..4], &text[4..6], &text[6..]));
    }
    let parts: Vec<&str> = text.split('-').collect();
    let short = |part: &str| matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
    match parts[..] {
        [year, month] if year.len() == 4 && short(month) => {
            fault.hint(format!("did you mean {year}-{month:0>2}?"))
        }
        [year, month, day] if year.len() == 4 && short(month) && short(day) => {
            fault.hint(format!("did you mean {year}-{month:0>2}-{day:0>2}?"))
        }
        _ if text.contains(',') => fault.hint("write a range as 2018-01..2018-03"),
        _ => fault.hint(FORMS),
    }
}

fn number(digits: &str) -> Result<i16, Fault> {
    digits.parse().map_err(|_| misread(digits))
}

fn years(year: i16) -> Period {
    period_between(Date::new(year, 1, 1), Date::new(year + 1, 1, 1))
}

fn month_of(year: i16, month: i16) -> Result<Period, Fault> {
    day_of(year, month, 1)?;
    Ok(months(year, month as i8))
}

fn months(year: i16, month: i8) -> Period {
    let next = if month == 12 { Date::new(year + 1, 1, 1) } else { Date::new(year, month + 1, 1) };
    period_between(Date::new(year, month, 1), next)
}

fn one_day(day: Date) -> Period {
    period_between(Ok(day), day.tomorrow())
}

/// A day that is in the calendar.
fn day_of(year: i16, month: i16, day: i16) -> Result<Date, Fault> {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let name = usize::try_from(month - 1).ok().and_then(|at| NAMES.get(at));
    let Some(name) = name else {
        return Err(Fault::new(format!("there is no month {month:02}")).hint("months are 01 to 12"));
    };
    Date::new(year, month as i8, day as i8).map_err(|_| {
        let days = Date::new(year, month as i8, 1).map_or(31, |first| first.days_in_month());
        Fault::new(format!("{name} {year:04} has no day {day:02}"))
            .hint(format!("its last is {year:04}-{month:02}-{days}"))
    })
}

/// From the first instant of one day to the last before another. Days past the calendar's end (a time zone
/// short of the year 10000) are its last instant.
fn period_between(first: Result<Date, jiff::Error>, next: Result<Date, jiff::Error>) -> Period {
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).map(|z| z.timestamp());
    let first = first.and_then(midnight).unwrap_or(Timestamp::MAX);
    let last = next.and_then(midnight).and_then(|next| next.checked_sub(SignedDuration::from_nanos(1)));
    Period { first, last: last.unwrap_or(Timestamp::MAX) }
}

/// A full time: with seconds an instant, without them a minute. Without a zone it is UTC.
fn time_of(text: &str) -> Result<Period, Fault> {
    let upper = text.to_ascii_uppercase().replacen(' ', "T", 1);
    let known = |b: u8| b.is_ascii_digit() || b"-:.+TZ".contains(&b);
    let (day, clock) = upper.split_at(10);
    let wrong = || Fault::new(format!("{text:?} is no time")).hint("write it as 2018-01-05T10:00:00Z");
    if !upper.bytes().all(known) || clock.len() < 6 || clock.as_bytes()[3] != b':' {
        return Err(wrong());
    }
    period(day)?;
    let minute = clock.as_bytes().get(6).is_none_or(|b| *b != b':');
    let full = match minute {
        true => format!("{day}{}:00{}", &clock[..6], &clock[6..]),
        false => upper.clone(),
    };
    let first = instant(&full).ok_or_else(wrong)?;
    let length = SignedDuration::from_secs(60) - SignedDuration::from_nanos(1);
    let last = if minute { first.checked_add(length).unwrap_or(Timestamp::MAX) } else { first };
    Ok(Period { first, last })
}

/// The shortest spelling of a span.
pub(super) fn text(span: &Span) -> String {
    match (span.start, span.end) {
        (None, None) => "..".to_owned(),
        (Some(start), None) => format!("{}..", Coarse::starting(start).print(start)),
        (None, Some(end)) => format!("..{}", Coarse::ending(end).print(end)),
        (Some(start), Some(end)) if start == end => start.to_string(),
        (Some(start), Some(end)) => {
            let (from, to) = (Coarse::starting(start), Coarse::ending(end));
            let both = from.max(to);
            if both < Coarse::Instant && both.of(start) == both.of(end) {
                return both.print(start);
            }
            // A year's start is a day's start too: two ends read best when they are of one kind.
            let plain = |own: Coarse| if own == Coarse::Instant { own } else { both.min(Coarse::Day) };
            format!("{}..{}", plain(from).print(start), plain(to).print(end))
        }
    }
}

/// How much of an instant must be written where it begins or ends a period, coarsest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Coarse {
    Year,
    Month,
    Day,
    Instant,
}

impl Coarse {
    const PERIODS: [Coarse; 3] = [Coarse::Year, Coarse::Month, Coarse::Day];

    fn starting(at: Timestamp) -> Coarse {
        Self::PERIODS.into_iter().find(|c| c.of(at).first == at).unwrap_or(Coarse::Instant)
    }

    fn ending(at: Timestamp) -> Coarse {
        Self::PERIODS.into_iter().find(|c| c.of(at).last == at).unwrap_or(Coarse::Instant)
    }

    /// The period of this kind that an instant lies in.
    fn of(self, at: Timestamp) -> Period {
        let day = at.to_zoned(TimeZone::UTC).date();
        match self {
            Coarse::Year => years(day.year()),
            Coarse::Month => months(day.year(), day.month()),
            Coarse::Day => one_day(day),
            Coarse::Instant => Period { first: at, last: at },
        }
    }

    fn print(self, at: Timestamp) -> String {
        let day = at.to_zoned(TimeZone::UTC).date();
        match self {
            Coarse::Year => format!("{:04}", day.year()),
            Coarse::Month => format!("{:04}-{:02}", day.year(), day.month()),
            Coarse::Day => format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()),
            Coarse::Instant => at.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_one_spelling() {
        for (written, canonical) in [
            ("2018", "2018"),
            ("2018-01..2018-12", "2018"),
            ("2018-01-01..2018-12-31", "2018"),
            ("2018-01-01..2018-01-31", "2018-01"),
            ("2018..2018-03", "2018-01..2018-03"),
            ("2018..2019", "2018..2019"),
            ("2018-01-05..", "2018-01-05.."),
            ("2018-01-01..", "2018.."),
            ("..2018-12-31", "..2018"),
            ("2018-01-05T10:00:00Z", "2018-01-05T10:00:00Z"),
            ("2018-01-05t10:00:00.500z", "2018-01-05T10:00:00.5Z"),
            ("2018-01-05 10:00:00", "2018-01-05T10:00:00Z"),
            ("2018-01-05T12:00:00+02:00", "2018-01-05T10:00:00Z"),
            ("2018-01-05T10:00", "2018-01-05T10:00:00Z..2018-01-05T10:00:59.999999999Z"),
            ("2018-01-05T10:00Z", "2018-01-05T10:00:00Z..2018-01-05T10:00:59.999999999Z"),
            ("2018-01-01T00:00:00Z", "2018-01-01T00:00:00Z"),
            ("2018-01..2018-03-05T10:00:00Z", "2018-01-01..2018-03-05T10:00:00Z"),
            ("2020-02-29", "2020-02-29"),
            ("9999", "9999"),
            ("0001..9999-12", "0001..9999"),
        ] {
            let span = parse(written).unwrap_or_else(|e| panic!("{written}: {e:?}"));
            assert_eq!(text(&span), canonical, "{written}");
            assert_eq!(parse(canonical).unwrap(), span, "{written}");
        }
    }

    #[test]
    fn an_end_reaches_the_last_instant_of_its_period() {
        let end = |written: &str| parse(written).unwrap().end.unwrap().to_string();
        assert_eq!(end("2018"), "2018-12-31T23:59:59.999999999Z");
        assert_eq!(end("2018-02"), "2018-02-28T23:59:59.999999999Z");
        assert_eq!(end("..2018-01-05"), "2018-01-05T23:59:59.999999999Z");
    }
}
