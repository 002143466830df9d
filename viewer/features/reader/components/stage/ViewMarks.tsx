import { useMemo } from "react";
import { MarkText } from "@/features/reader/components/measurements/MarkText";
import { useOverlayPictures } from "@/features/reader/hooks/stage/useOverlayPictures";
import { overlayBits, type LoadedSeries, type Matrix, type ViewInfo } from "@/cornerstone";
import { embeddedPlanesOf, overlayPlanesOf, type OverlayPlane } from "@/dicom/display/overlayPlanes";
import type { GraphicMark, Shape } from "@/dicom/measurements/marks";
import { numbersOf } from "@/dicom/dicomweb";
import { presents, shuttersInForce, type PresentationState } from "@/dicom/display/presentation";
import { screenFrom, strokeOf } from "@/features/reader/lib/measurements/markGeometry";
import { meantFor } from "@/dicom/display/imageTargets";

const noPlanes: readonly OverlayPlane[] = [];

/** What lies over a stack's image by its header and by a presentation state. */
export function ViewMarks({
  info,
  matrix,
  series,
  state,
}: {
  info: ViewInfo;
  matrix: Matrix;
  series: LoadedSeries;
  state: PresentationState | null;
}) {
  const slice = series.order.slices[info.sliceNumber - 1];
  const imageId = series.imageIds[info.sliceNumber - 1];
  const isPresented =
    slice && state && presents(state, series.seriesInstanceUid, slice.sopInstanceUid, slice.frameNumber);
  const inForce = isPresented ? state : null;
  const planes = useMemo(
    () =>
      slice
        ? [
            ...overlayPlanesOf(slice.dataset),
            // The image is loaded: what its view says of it came with its picture.
            ...embeddedPlanesOf(slice.dataset, (group) => (imageId ? overlayBits.of(imageId, group) : null)),
            ...(inForce?.overlays ?? []),
          ]
        : noPlanes,
    [slice, imageId, inForce],
  );
  const shutters = useMemo(() => (slice ? shuttersInForce(slice.dataset, inForce) : []), [slice, inForce]);
  const pictures = useOverlayPictures(planes, slice?.frameNumber ?? 1);
  if (!slice) return null;
  const [columns = 0] = numbersOf(slice.dataset, "00280011");
  const [rows = 0] = numbersOf(slice.dataset, "00280010");
  const marks = inForce ? meantFor(inForce.marks, slice.sopInstanceUid, slice.frameNumber) : [];
  const [area] = inForce ? meantFor(inForce.areas, slice.sopInstanceUid, slice.frameNumber) : [];
  const screen = screenFrom(matrix, area ?? { left: 1, top: 1, right: columns, bottom: rows });
  const transform = `matrix(${matrix.join(" ")})`;
  return (
    <svg className="pointer-events-none absolute inset-0 h-full w-full overflow-hidden" data-testid="image-marks" aria-hidden="true">
      <g transform={transform}>
        {pictures.map(({ plane, url }) => (
          <image
            key={plane.group}
            data-testid="overlay-plane"
            href={url}
            x={plane.left}
            y={plane.top}
            width={plane.columns}
            height={plane.rows}
            preserveAspectRatio="none"
            style={{ imageRendering: "pixelated" }}
          />
        ))}
        {shutters.map(({ path, grey }, index) => (
          <path
            key={index}
            data-testid="shutter"
            d={`M-99999 -99999H99999V99999H-99999Z${path}`}
            fillRule="evenodd"
            fill={`rgb(${Array(3).fill(Math.round(grey * 255)).join(" ")})`}
          />
        ))}
      </g>
      {marks.map((mark, index) =>
        mark.kind === "text" ? (
          <MarkText key={index} mark={mark} screen={screen} />
        ) : (
          <Graphic key={index} mark={mark} transform={mark.units === "PIXEL" ? transform : `matrix(${screen.display.join(" ")})`} />
        ),
      )}
    </svg>
  );
}

function Graphic({ mark: { shape, color }, transform }: { mark: GraphicMark; transform: string }) {
  const stroke = strokeOf(color);
  const filled = shape.kind !== "point" && shape.filled;
  return (
    <path
      data-testid="graphic-mark"
      d={pathOf(shape)}
      transform={transform}
      fill={filled ? stroke : "none"}
      fillOpacity={0.4}
      stroke={stroke}
      strokeWidth={shape.kind === "point" ? 6 : 1.75}
      strokeLinecap="round"
      vectorEffect="non-scaling-stroke"
    />
  );
}

const turnSteps = 72;

function pathOf(shape: Shape): string {
  if (shape.kind === "point") return `M${shape.at.join(" ")}h0`;
  if (shape.kind === "line") return `M${shape.points.map((point) => point.join(" ")).join("L")}`;
  const { center, along, across } = shape;
  const points = Array.from({ length: turnSteps }, (_, step) => {
    const angle = (2 * Math.PI * step) / turnSteps;
    return [0, 1].map((axis) => (center[axis] ?? 0) + (along[axis] ?? 0) * Math.cos(angle) + (across[axis] ?? 0) * Math.sin(angle)).join(" ");
  });
  return `M${points.join("L")}Z`;
}
