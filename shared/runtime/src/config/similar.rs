/// The candidate that is most similar to `word`, if one is similar enough to have been meant: a misspelt name, or one
/// of which `word` is a part.
pub(super) fn most_similar<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = word.to_ascii_uppercase();
    candidates
        .map(|candidate| (candidate.to_ascii_uppercase(), candidate))
        .filter_map(|(name, candidate)| {
            let distance = distance(&wanted, &name);
            let misspelt = distance <= name.len().max(3) / 3;
            (misspelt || is_part_of(&wanted, &name)).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether `part` is one or more whole words of `name`.
fn is_part_of(part: &str, name: &str) -> bool {
    format!("_{name}_").contains(&format!("_{part}_"))
}

/// How many letters must be inserted, removed or changed to turn one word into the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other_letter) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other_letter);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["BOXOFFICE_PORT", "BOXOFFICE_ZONE", "BUS"];
        assert_eq!(most_similar("BOXOFFICE_PROT", names.into_iter()), Some("BOXOFFICE_PORT"));
        assert_eq!(most_similar("boxoffice_zone", names.into_iter()), Some("BOXOFFICE_ZONE"));
        assert_eq!(most_similar("BUZ", names.into_iter()), Some("BUS"));
        assert_eq!(most_similar("SOMETHING_ELSE", names.into_iter()), None);
    }

    #[test]
    fn a_name_is_found_by_a_part_of_it() {
        let names = ["IDEMPOTENCY_LEASE", "MESSAGE_LEASE", "RELEASES"];
        assert_eq!(most_similar("LEASE", names.into_iter()), Some("MESSAGE_LEASE"));
        assert_eq!(most_similar("ESSAGE", ["UNIT_MESSAGE_LEASE"].into_iter()), None);
    }

    #[test]
    fn distances_are_counted_in_letters() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
