import { expect, it } from "vitest";
import { HeldKey } from "@/shared/lib/keys/heldKey";

it("a key that is held does so until it is let go, and tapped something else", () => {
  const key = new HeldKey();
  expect([key.down("KeyO", 0), key.down("KeyO", 500), key.down("KeyO", 530)]).toEqual([true, false, false]);
  // Another key on the way ends nothing.
  expect(key.up("ArrowDown", 600)).toBeNull();
  expect(key.up("KeyO", 900)).toBe("held");
  expect([key.down("KeyO", 1000), key.up("KeyO", 1080)]).toEqual([true, "tapped"]);
  expect(key.up("KeyO", 1100)).toBeNull();
});

it("a key whose end another window took is not held any more", () => {
  const key = new HeldKey();
  key.down("KeyO", 0);
  expect([key.lost(), key.lost(), key.up("KeyO", 50), key.down("KeyO", 60)]).toEqual([true, false, null, true]);
});
