"""Between which intracranial volumes people have theirs, by age."""

from inference.volume_preparation.plausible_sizes import PlausibleSize

# Mean and standard deviation by CT of 157 people (Abbott et al., J Craniofac Surg 2000; 11: 211):
# 1,025 (84) and 1,126 (90) cm3 at one year of girls and boys, 1,322 (108) and 1,473 (117) at
# twenty. The limits lie some six deviations away, rounded; of infants, who may be preterm or have
# a hydrocephalus, and from one to six years they are wider.
INTRACRANIAL_SIZES = (
    PlausibleSize(
        "Intracranial volume",
        ((0.0, 200.0, 1_700.0), (1.0, 500.0, 2_000.0), (6.0, 700.0, 2_300.0)),
        "Abbott et al., J Craniofac Surg 2000; 11: 211-223",
    ),
)
