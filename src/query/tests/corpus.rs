//! Segments good and bad, and the words about the bad ones: they are what users read.

use super::{Folder, Segment};

#[test]
fn good_segments_have_one_spelling() {
    for (written, canonical) in GOOD {
        let segment = Segment::parse(written, &Folder).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(segment.text(), *canonical, "{written}");
        assert_eq!(Segment::parse(canonical, &Folder).as_ref(), Ok(&segment), "{written}");
    }
}

#[test]
fn bad_segments_are_answered_in_words() {
    for (text, words) in BAD {
        match Segment::parse(text, &Folder) {
            Ok(segment) => panic!("{text} was read as {segment:?}"),
            Err(error) => assert_eq!(error.to_string(), format!("{text}: {words}")),
        }
    }
}

#[test]
fn a_segment_has_its_length() {
    let at = |length: usize| format!("platform={}", "x".repeat(length - 9));
    assert!(Segment::parse(&at(1024), &Folder).is_ok());
    let error = Segment::parse(&at(1025), &Folder).unwrap_err().to_string();
    assert!(error.ends_with("x…: it is longer than 1024 bytes; shorten it"), "{error}");
    assert!(error.len() < 300);
}

#[test]
fn errors_are_one_line() {
    let error = Segment::parse("datetime=\n\u{1b}[31m\u{85}x", &Folder).unwrap_err().to_string();
    assert!(!error.chars().any(char::is_control), "{error:?}");
}

/// As written, and canonical.
const GOOD: &[(&str, &str)] = &[
    ("bbox=0,0,2.5,2.5", "bbox=0,0,2.5,2.5"),
    ("bbox=303,-5,304,5", "bbox=-57,-5,-56,5"),
    ("bbox=170,-10,190,10", "bbox=170,-10,-170,10"),
    ("bbox=0,0,-100,2.50,2.5,100", "bbox=0,0,2.5,2.5"),
    ("bbox=-180, -90, 180, 90", "bbox=-180,-90,180,90"),
    ("bbox=1,1,1,1", "bbox=1,1,1,1"),
    ("intersects=alps", "intersects=alps"),
    ("intersects=point( 1  2 )", "intersects=POINT%281%202%29"),
    (
        "intersects=POLYGON%28%280%200,1%200,1%201,0%200%29%29",
        "intersects=POLYGON%28%280%200,1%200,1%201,0%200%29%29",
    ),
    ("datetime=2018", "datetime=2018"),
    ("datetime=2018-01", "datetime=2018-01"),
    ("datetime=2018-01-05", "datetime=2018-01-05"),
    ("datetime=2018-01..2018-03", "datetime=2018-01..2018-03"),
    ("datetime=2018..", "datetime=2018.."),
    ("datetime=..2018", "datetime=..2018"),
    ("datetime=2018-01-05T10:00:00%2B02:00", "datetime=2018-01-05T08:00:00Z"),
    ("datetime=2018-01-05T10:00:00+02:00..", "datetime=2018-01-05T08:00:00Z.."),
    ("collections=b,a,b", "collections=a,b"),
    ("ids=x%2Cy,a%2Fb", "ids=a%2Fb,x%2Cy"),
    ("max_cloud_cover=20.0", "max_cloud_cover=20"),
    ("max_cloud_cover=0", "max_cloud_cover=0"),
    ("months=08,6,7", "months=6,7,8"),
    ("path=0197", "path=197"),
    ("row=30", "row=30"),
    ("platform=landsat-8", "platform=landsat-8"),
    ("properties.platform=landsat-8", "platform=landsat-8"),
    ("platform.eq=landsat-8", "platform=landsat-8"),
    ("path.eq=x", "path.eq=x"),
    ("limit.eq=5", "limit.eq=5"),
    ("eo:cloud_cover.lt=20", "eo:cloud_cover.lt=20"),
    ("eo%3Acloud_cover.lt=20", "eo:cloud_cover.lt=20"),
    ("view:off_nadir.between=0,5", "view:off_nadir.between=0,5"),
    ("gsd=10", "gsd=10"),
    ("landsat:wrs_path=\"197\"", "landsat:wrs_path=%22197%22"),
    ("platform.in=b,'a',b", "platform.in=b,%22a%22"),
    ("platform.in=b", "platform=b"),
    ("platform.ne=a%2Cb", "platform.ne=a%2Cb"),
    ("id.like=*COLOR*", "id.like=%2ACOLOR%2A"),
    ("datetime.gte=2018", "datetime.gte=2018"),
    ("gsd.isnull=true", "gsd.isnull=true"),
    ("a.b.c=1", "a.b.c=1"),
    ("a.lt.eq=1", "a.lt.eq=1"),
    ("title=a+b", "title=a+b"),
    ("title=a=b", "title=a=b"),
    ("filter= a = 'x' ", "filter=a%20=%20%27x%27"),
    (
        "filter=eo:cloud_cover < 20 AND id LIKE 'L%25'",
        "filter=eo:cloud_cover%20%3C%2020%20AND%20id%20LIKE%20%27L%25%27",
    ),
    ("filter=S_INTERSECTS(geometry,POINT(1 2))", "filter=S_INTERSECTS%28geometry,POINT%281%202%29%29"),
    ("q=snow,ice", "q=ice,snow"),
    ("q=mare imbrium", "q=mare%20imbrium"),
    ("sortby=-properties.datetime,+id", "sortby=-datetime,id"),
    ("max_items=0", "max_items=0"),
    ("assets=red,nir,red", "assets=nir,red"),
    ("assets=B0?", "assets=B0%3F"),
];

/// As written, and what is said after it.
#[rustfmt::skip]
const BAD: &[(&str, &str)] = &[
    ("bbx=0,0,1,1", "there is no bbx=; did you mean bbox=0,0,1,1? (bbx.eq= asks for a property)"),
    ("limit=10", "there is no limit=; did you mean max_items=10?"),
    ("cloud_cover=20", "there is no cloud_cover=; did you mean max_cloud_cover=20?"),
    ("query=x", "there is no query=; write <property>=<value> or <property>.<operator>=<value>, as in eo:cloud_cover.lt=20"),
    ("bbox=1,2,3", "a box is 4 or 6 numbers, not 3; write bbox=W,S,E,N in degrees, as in bbox=0,0,2.5,2.5"),
    ("bbox=a,0,1,1", "\"a\" is no number; write bbox=W,S,E,N in degrees, as in bbox=0,0,2.5,2.5"),
    ("bbox=0,5,1,2", "its south lies north of its north; did you mean bbox=0,2,1,5?"),
    ("bbox=10,100,20,110", "a latitude is beyond 90 degrees; longitude comes first; did you mean bbox=100,10,110,20?"),
    ("bbox=0,95,1,99", "a latitude is beyond 90 degrees; longitude comes first; did you mean bbox=95,0,99,1?"),
    ("bbox=400,0,410,1", "a longitude is beyond 360 degrees; write bbox=W,S,E,N, with W and E from -180 to 360"),
    ("bbox=[0,0,1,1]", "a box has no brackets; did you mean bbox=0,0,1,1?"),
    ("bbox=", "there is no value after the =; write one, or leave the segment out"),
    ("bbox=0,0,1,", "\"\" is no number; write bbox=W,S,E,N in degrees, as in bbox=0,0,2.5,2.5"),
    ("max_cloud_cover=20%", "percent goes without saying; write the number alone: max_cloud_cover=20"),
    ("max_cloud_cover=120", "percent is 0 to 100; write the number alone: max_cloud_cover=20"),
    ("max_cloud_cover=low", "\"low\" is no number; write the number alone: max_cloud_cover=20"),
    ("datetime=", "there is no value after the =; write one, or leave the segment out"),
    ("datetime=..", "both ends are open; leave the segment out, or close one end as in 2018.."),
    ("datetime=18", "\"18\" is no date; write 2018, 2018-01, 2018-01-05 or 2018-01-05T10:00:00Z"),
    ("datetime=20180105", "\"20180105\" is no date; did you mean 2018-01-05?"),
    ("datetime=2018-1-5", "\"2018-1-5\" is no date; did you mean 2018-01-05?"),
    ("datetime=2018-13", "there is no month 13; months are 01 to 12"),
    ("datetime=2018-02-30", "February 2018 has no day 30; its last is 2018-02-28"),
    ("datetime=2018-02-29", "February 2018 has no day 29; its last is 2018-02-28"),
    ("datetime=2019..2018", "it ends before it begins; did you mean datetime=2018..2019?"),
    ("datetime=2018%2F2019", "/ is no part of a name; did you mean datetime=2018..2019?"),
    ("datetime=2018-01-05T25:00:00Z", "\"2018-01-05T25:00:00Z\" is no time; write it as 2018-01-05T10:00:00Z"),
    ("datetime=yesterday", "\"yesterday\" is no date; write 2018, 2018-01, 2018-01-05 or 2018-01-05T10:00:00Z"),
    ("datetime=2018,2019", "\"2018,2019\" is no date; write a range as 2018-01..2018-03"),
    ("months=june", "\"june\" is no month; write its number: months=6"),
    ("months=13", "\"13\" is no month; write numbers from 1 to 12, as in months=6,7,8"),
    ("months=6..8", "\"6..8\" is no month; write numbers from 1 to 12, as in months=6,7,8"),
    ("path=300", "\"300\" is no WRS-2 path; write a number from 1 to 233; path.eq= asks for a property of that name"),
    ("path=a", "\"a\" is no WRS-2 path; write a number from 1 to 233; path.eq= asks for a property of that name"),
    ("path=197,198", "one path is wanted; write several as landsat:wrs_path.in=197,198"),
    ("row=0", "\"0\" is no WRS-2 row; write a number from 1 to 248; row.eq= asks for a property of that name"),
    ("ids=a,,b", "a comma has nothing on one side; write a comma that belongs to a name as %2C"),
    ("ids=", "there is no value after the =; write one, or leave the segment out"),
    ("intersects=alpz", "there is no area of interest \"alpz\"; did you mean intersects=alps?"),
    ("intersects=alps.geojson", "there is no area of interest \"alps.geojson\"; did you mean intersects=alps?"),
    ("intersects=locked", "the area locked cannot be read: permission denied"),
    ("intersects=nowhere", "there is no area of interest \"nowhere\"; there are alpen, alps, crater"),
    ("intersects=..%2Fx", "\"../x\" is no name of an area; write the bare NAME of a NAME.geojson in the AOI folder, or WKT"),
    ("intersects=POLYGON((0 0,1 1))", "a ring needs 4 points, the last being the first, and a line 2; add the missing points"),
    ("intersects=POINT(100 200)", "a latitude is beyond 90 or a longitude beyond 360 degrees; write lon lat in degrees (WGS84), no projected metres"),
    ("intersects=POINT(10 200)", "a latitude is beyond 90 or a longitude beyond 360 degrees; longitude comes first: write lon lat"),
    ("intersects=POINT(500000 4000000)", "a latitude is beyond 90 or a longitude beyond 360 degrees; write lon lat in degrees (WGS84), no projected metres"),
    ("intersects=POINT(1)", "no WKT: Missing closing parenthesis for type; write lon lat pairs as in POLYGON((0 0,2 0,2 2,0 2,0 0))"),
    ("intersects=POLYGON((0 0,1 1,1 0)", "no WKT: Missing closing parenthesis for type; write lon lat pairs as in POLYGON((0 0,2 0,2 2,0 2,0 0))"),
    ("intersects={\"type\":\"Point\"}", "GeoJSON has no place in a path; write WKT, or save it as NAME.geojson in the AOI folder and write intersects=NAME"),
    ("filter=", "there is no filter after the =; write CQL2 text, as in eo:cloud_cover < 20 AND platform = 'landsat-8'"),
    ("filter=eo:cloud_cover <", "it ends too early; write CQL2 text, as in eo:cloud_cover < 20 AND platform = 'landsat-8'"),
    ("filter=a = 'x", "a ' is not closed; close it, and double a ' in the text"),
    ("filter=(a = 1", "a ( is not closed; close it with )"),
    ("filter=a = 1)", "a ) closes nothing; take it away, or open it with ("),
    ("filter=id LIKE 'x%'", "%' is no escape: two hex digits must follow a %; write a percent sign as %25"),
    ("filter=id LIKE '%c3%a9'", "%c3 inside quotes could be a wildcard or a letter; write the wildcard as %25, and the letter as it is"),
    ("filter='x'", "it asks nothing of an item; write CQL2 text, as in eo:cloud_cover < 20 AND platform = 'landsat-8'"),
    ("filter={\"op\":1}", "CQL2 JSON has no place in a path; write CQL2 text, as in eo:cloud_cover < 20 AND platform = 'landsat-8'"),
    ("filter=a == 1", "it cannot be read from \"= 1\" on; write CQL2 text, as in eo:cloud_cover < 20 AND platform = 'landsat-8'"),
    ("filter=((((((((((((((a=1))))))))))))))", "it nests deeper than 10; split it at its ANDs: each filter= directory narrows further"),
    ("platform=", "there is no value after the =; write platform.isnull=true for items without it, platform=%22%22 for an empty text"),
    ("platform=a,b", "one value is wanted, and a comma separates values; did you mean platform.in=a,b? (a comma in a value is %2C)"),
    ("gsd.lt=1,2", "one value is wanted, and a comma separates values; write a comma that belongs to the value as %2C"),
    ("gsd.between=5", "two values are wanted; write gsd.between=<low>,<high>"),
    ("gsd.between=5,0", "its low end is above its high end; did you mean gsd.between=0,5?"),
    ("gsd.isnull=yes", "isnull is true or false; write gsd.isnull=true for items without the property"),
    ("gsd.le=5", "there is no operator .le; write gsd.lte="),
    ("gsd.LT=5", "there is no operator .LT; did you mean gsd.lt=5?"),
    ("gsd<=5", "<= is no operator in a path; did you mean gsd.lte=5?"),
    ("gsd>=5", ">= is no operator in a path; did you mean gsd.gte=5?"),
    ("gsd!=5", "!= is no operator in a path; did you mean gsd.ne=5?"),
    ("id.like=%COLOR%", "% is no wildcard in a path; did you mean id.like=*COLOR*?"),
    ("id.like=%25COLOR%25", "% is no wildcard in a path; did you mean id.like=*COLOR*?"),
    ("platform=\"x", "the \" is not closed; put the whole value in quotes, and write a comma in it as %2C"),
    ("=5", "there is no name before the =; write <property>=<value>, as in platform=landsat-8"),
    ("q=+", "\"+\" holds no word; write q=<words>, with commas between alternatives"),
    ("q=a,,b", "a comma has nothing on one side; write a comma that belongs to a name as %2C"),
    ("sortby=", "there is no value after the =; write one, or leave the segment out"),
    ("sortby=-", "a property's name is missing; write sortby=-datetime or sortby=platform,-gsd"),
    ("sortby=datetime,-datetime", "datetime is named twice; name each property once, the most important first"),
    ("sortby=datetime desc", "a sign before the name gives the direction; did you mean sortby=-datetime?"),
    ("max_items=ten", "\"ten\" is no number of items; write max_items=100, or max_items=0 for no limit"),
    ("max_items=-1", "\"-1\" is no number of items; write max_items=100, or max_items=0 for no limit"),
    ("assets=", "there is no value after the =; write one, or leave the segment out"),
    ("100%=3", "% is no escape: two hex digits must follow a %; write a percent sign as %25"),
    ("a=%zz", "%zz is no escape: two hex digits must follow a %; write a percent sign as %25"),
    ("a=%ff", "its % escapes do not decode to UTF-8; write a percent sign as %25"),
    ("date=2018", "there is no date=; did you mean datetime=2018?"),
    ("id=x", "there is no id=; did you mean ids=x?"),
    ("fields=id", "there is no fields=; an item always comes whole; write assets=<keys> to choose its files"),
    ("start=2018", "there is no start=; write datetime=2018-01..2018-03, with either end left open"),
    ("wrs_path=197", "there is no wrs_path=; write path=197 and row=30"),
];
