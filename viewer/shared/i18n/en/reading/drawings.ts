/** What a person draws on images. */
export const drawings = {
  kinds: {
    length: "Length",
    bidirectional: "Two diameters",
    angle: "Angle",
    cobb: "Cobb angle",
    lines: "Angle between lines",
    ellipse: "Ellipse",
    circle: "Circle",
    rectangle: "Rectangle",
    freehand: "Freehand",
    probe: "Value",
    arrow: "Arrow",
    text: "Text",
    vertebra: "Spine labels",
  },
  spine: {
    title: "Spine labels",
    next: "Level that the next click names",
    down: "Levels go down with each click; press for up",
    up: "Levels go up with each click; press for down",
  },
};
