import type { TextMark } from "@/dicom/measurements/marks";
import { strokeOf, type Screen } from "@/features/reader/lib/measurements/markGeometry";

const lineHeightPx = 15;

/** Text of a presentation state: within its box, beside its anchor, with a line to it when asked. */
export function MarkText({ mark, screen }: { mark: TextMark; screen: Screen }) {
  const { lines, box, anchor, align } = mark;
  const color = strokeOf(mark.color);
  const corners = box && [screen.at(box.units, box.topLeft), screen.at(box.units, box.bottomRight)];
  const anchored = anchor && screen.at(anchor.units, anchor.at);
  const xs = corners?.map(([x]) => x);
  const top = corners ? Math.min(...corners.map(([, y]) => y)) : (anchored?.[1] ?? 0);
  const [left, right] = xs ? [Math.min(...xs), Math.max(...xs)] : [(anchored?.[0] ?? 0) + 6, (anchored?.[0] ?? 0) + 6];
  const x = align === "start" ? left : align === "end" ? right : (left + right) / 2;
  return (
    <>
      {anchor?.visible && anchored && corners && (
        <line x1={x} y1={top + lineHeightPx / 2} x2={anchored[0]} y2={anchored[1]} stroke={color} strokeWidth={1} />
      )}
      <text
        data-testid="text-mark"
        x={x}
        y={top + lineHeightPx * 0.8}
        fill={color}
        textAnchor={corners ? align : "start"}
        fontSize={13}
        style={{ paintOrder: "stroke" }}
        stroke="#000"
        strokeWidth={2.5}
      >
        {lines.map((line, index) => (
          <tspan key={index} x={x} dy={index === 0 ? 0 : lineHeightPx}>
            {line}
          </tspan>
        ))}
      </text>
    </>
  );
}
