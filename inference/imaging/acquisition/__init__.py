"""How images were acquired, as their headers state it: contrast agent, tesla, kilovolts."""
