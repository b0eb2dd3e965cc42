//! Finding the border between what fits and what does not, with as few tries as it takes, and looking whether it is one.

/// The largest number that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    /// 0: not even one.
    pub fits: u32,
    /// The largest allowed number fits: there may be larger ones.
    pub at_least: bool,
    /// Whether all larger numbers that were tried did not fit, and all smaller ones did.
    pub monotone: bool,
}

/// Looks for the largest number up to `most` that fits, from `start` on: doubles or halves until the border is between two
/// numbers, then bisects. A few numbers on both sides are tried besides, near and far. One below that does not fit moves the
/// border below it. Where the largest allowed fits there is no border to look around, and large fleets take long: what was
/// doubled on the way there was tried, half of it where nothing was.
///
/// # Errors
/// Those of `fits`.
pub fn largest<E>(start: u32, most: u32, mut fits: impl FnMut(u32) -> Result<bool, E>) -> Result<Border, E> {
    let (low, high) = bracket(start.clamp(1, most), most, &mut fits)?;
    let mut border = bisect(low, high, &mut fits)?;
    let mut monotone = true;
    for above in probes_above(border, most) {
        if high.is_some() && fits(above)? {
            monotone = false;
        }
    }
    let doubled = border == most && start < most;
    while !doubled && let Some(below) = first_misfit(&probes_below(border, most), &mut fits)? {
        monotone = false;
        let (low, high) = bracket(below, below, &mut fits)?;
        border = bisect(low, high, &mut fits)?;
    }
    Ok(Border { fits: border, at_least: border == most, monotone })
}

/// A number that fits (0 always does), and a larger one that does not; None where the largest allowed fits.
fn bracket<E>(start: u32, most: u32, fits: &mut impl FnMut(u32) -> Result<bool, E>) -> Result<(u32, Option<u32>), E> {
    let mut at = start;
    if fits(at)? {
        while at < most {
            let next = at.saturating_mul(2).min(most);
            if !fits(next)? {
                return Ok((at, Some(next)));
            }
            at = next;
        }
        return Ok((most, None));
    }
    while at > 1 {
        let next = at / 2;
        if fits(next)? {
            return Ok((next, Some(at)));
        }
        at = next;
    }
    Ok((0, Some(at)))
}

fn bisect<E>(low: u32, high: Option<u32>, fits: &mut impl FnMut(u32) -> Result<bool, E>) -> Result<u32, E> {
    let (mut low, Some(mut high)) = (low, high) else { return Ok(low) };
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle)? { low = middle } else { high = middle }
    }
    Ok(low)
}

/// Numbers above a border that should not fit; the next one is known not to.
fn probes_above(border: u32, most: u32) -> Vec<u32> {
    let far = [border.saturating_add(2), border.saturating_add(3), border.saturating_add(border / 10)];
    tidy(far.into_iter().filter(|&number| number > border + 1 && number <= most).collect())
}

/// Numbers below a border that should fit.
fn probes_below(border: u32, most: u32) -> Vec<u32> {
    let near = [border.saturating_sub(1), border.saturating_sub(2), border - border / 10];
    let near = near.into_iter().filter(|_| border < most);
    tidy(near.chain([border / 2]).filter(|&number| number > 0 && number < border).collect())
}

fn tidy(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn first_misfit<E>(numbers: &[u32], fits: &mut impl FnMut(u32) -> Result<bool, E>) -> Result<Option<u32>, E> {
    for &number in numbers {
        if !fits(number)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

/// The smallest number that is enough, where `low` is not and `high` is.
pub fn least(low: u32, high: u32, mut enough: impl FnMut(u32) -> bool) -> u32 {
    let (mut low, mut high) = (low, high);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(start: u32, most: u32, fits: impl Fn(u32) -> bool) -> Border {
        largest(start, most, |number| Ok::<_, ()>(fits(number))).unwrap()
    }

    proptest! {
        #[test]
        fn the_border_is_found_from_anywhere(border in 0..2_000u32, start in 1..3_000u32, most in 1..2_500u32) {
            let found = found(start, most, |number| number <= border);
            prop_assert_eq!(found, Border { fits: border.min(most), at_least: border >= most, monotone: true });
        }

        #[test]
        fn tries_grow_with_the_digits_of_the_answer(border in 0..100_000u32) {
            let mut tries = 0;
            largest(12, 100_000, |number| { tries += 1; Ok::<_, ()>(number <= border) }).unwrap();
            prop_assert!(tries <= 45, "{} tries for {}", tries, border);
        }
    }

    #[test]
    fn where_everything_fits_nothing_is_tried_beside_the_doubled_numbers() {
        let tried = |start: u32, most: u32| {
            let mut tried = Vec::new();
            let border = largest(start, most, |number| {
                tried.push(number);
                Ok::<_, ()>(true)
            })
            .unwrap();
            assert_eq!(border, Border { fits: most, at_least: true, monotone: true });
            tried
        };
        assert_eq!(tried(200, 2_000), [200, 400, 800, 1_600, 2_000]);
        assert_eq!(tried(2_000, 2_000), [2_000, 1_000], "one number alone shows no order");
    }

    #[test]
    fn a_hole_below_moves_the_border_and_an_island_above_is_told() {
        let hole = found(8, 1_000, |number| number <= 100 && number != 50);
        assert_eq!(hole, Border { fits: 49, at_least: false, monotone: false });
        let island = found(8, 1_000, |number| number <= 100 || number == 103);
        assert_eq!(island, Border { fits: 100, at_least: false, monotone: false });
    }

    #[test]
    fn an_error_ends_the_search() {
        assert_eq!(largest(5, 9, |_| Err::<bool, _>("no such size")), Err("no such size"));
    }
}
