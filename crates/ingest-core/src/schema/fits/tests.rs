use proptest::prelude::*;

use super::*;

/// Every type that a column can get, each with its own bit, in the order in which they are tried.
fn singles() -> Vec<Fits> {
    let mut all: Vec<Fits> = BOOLS.map(Fits::boolean).into();
    all.extend([Fits::EPOCH_SECONDS, Fits::EPOCH_MILLIS]);
    all.extend((0..UNITS.len()).map(|unit| Fits(1 << (EPOCH_FRACTION_SHIFT as usize + unit))));
    all.extend((0..UNITS.len()).flat_map(|unit| FORMS.map(|form| Fits::time_bit(form, unit))));
    all.extend([Fits::INT64, Fits::FLOAT_SHORTEST, Fits::FLOAT_POINT]);
    all.extend((1..=FIXED_DECIMALS_MAX).map(Fits::fixed));
    all.extend((0..=DECIMAL_SCALE_MAX).map(Fits::decimal));
    all.extend([Fits::DATE, TIME_OF_DAY_MICROS, TIME_OF_DAY_NANOS, Fits::TEXT]);
    all
}

#[test]
fn every_type_has_a_bit_of_its_own() {
    let mut taken = Fits::JSON;
    for single in singles() {
        assert_eq!(single.0.count_ones(), 1);
        assert_eq!(taken & single, Fits::NONE, "{single:?} {taken:?}");
        taken = taken | single;
        assert_eq!(Fits::of(single.column_type(true, false)), single);
    }
}

#[test]
fn the_order_is_strict() {
    let all = singles();
    for (place, first) in all.iter().enumerate() {
        for later in &all[place..] {
            assert_eq!(Fits::of((*first | *later).column_type(true, false)), *first, "{first:?} {later:?}");
        }
    }
}

#[test]
fn what_nothing_holds_is_nothing() {
    let sets = [
        Fits::decimal(DECIMAL_SCALE_MAX + 1),
        Fits::fixed(0),
        Fits::fixed(FIXED_DECIMALS_MAX + 1),
        Fits::time_of_day(10),
        Fits::instant(TimeForm::RfcUtc, 10),
        Fits::far_instant(TimeForm::RfcUtc, 7),
    ];
    assert_eq!(sets, [Fits::NONE; 6]);
    let far = Fits::instant(TimeForm::RfcUtc, 0).without(Fits::instant(TimeForm::RfcUtc, 9));
    assert_eq!(far, Fits::far_instant(TimeForm::RfcUtc, 0));
}

/// A set of some types, few or many.
fn any_fits() -> impl Strategy<Value = Fits> {
    let few = prop::collection::vec(0..singles().len(), 0..6);
    let few = few.prop_map(|places| places.iter().fold(Fits::NONE, |all, place| all | singles()[*place]));
    prop_oneof![few, any::<u128>().prop_map(Fits)]
}

proptest! {
    #[test]
    fn joining_knows_no_order(a in any_fits(), b in any_fits(), c in any_fits()) {
        prop_assert_eq!((a & b) & c, a & (b & c));
        prop_assert_eq!(a & b, b & a);
        prop_assert_eq!(a & a, a);
        prop_assert_eq!(a & Fits::ANY, a);
        prop_assert_eq!(a.without(b) & b, Fits::NONE);
    }

    #[test]
    fn a_smaller_set_with_the_chosen_type_chooses_it_again(
        first in any_fits(),
        kept in any_fits(),
        time_named in any::<bool>(),
        typed_source in any::<bool>(),
    ) {
        let best = first.column_type(time_named, typed_source);
        let smaller = first & (kept | Fits::of(best));
        prop_assert!(first == Fits::ANY || smaller.column_type(time_named, typed_source) == best);
    }
}
