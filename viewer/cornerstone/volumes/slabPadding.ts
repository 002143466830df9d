import { cache } from "@cornerstonejs/core";
import { asOneRange, commonPaddings } from "@/dicom/display/padding";
import type { WindowRange } from "@/dicom/windowing";
import type { LoadedSeries } from "@/cornerstone/series";

/** What is padding in the volume of a series; none where its images have none. */
export function paddingsIn({ imageIds, order }: LoadedSeries): WindowRange[] {
  const ranges = commonPaddings(order.slices.map(({ dataset }) => dataset));
  return ranges.filter((range) =>
    imageIds.some((imageId) => {
      const image = cache.getImage(imageId);
      // What one that is not in yet holds is not known.
      return !image || (image.minPixelValue <= range.upper && image.maxPixelValue >= range.lower);
    }),
  );
}

/** The least and the greatest that vtk takes for the ends of a range by itself. */
const mostOfRange = 1e6;

/** What is used of vtk's volume. */
export interface CutVolume {
  getProperty(): { setIpScalarRange(least: number, most: number): void };
  getMapper(): { getViewSpecificProperties(): { OpenGL?: { ShaderReplacements?: readonly Replacement[] } } };
}

interface Replacement {
  shaderType: "Fragment";
  /** A regular expression. */
  originalValue: string;
  replaceFirst: true;
  replacementValue: string;
  /** Only so is `originalValue` a regular expression to vtk. */
  replaceAll: true;
}

/** What takes the place of padding in the shader: no voxel holds as much. */
const none = "1.0e35";

/**
 * vtk's own range is of the interpolated value, which between tissue and padding is neither, and counts for its mean alone. Here a sample
 * is made of the voxels around it that were measured, and is left out where most of it is padding.
 */
const measured = `
bool isMeasured(vec4 value) {
  return value[0] < 1.0e29;
}

bool isPadding(float value) {
  return value >= volume.ipScalarRangeMin[0] && value <= volume.ipScalarRangeMax[0];
}

vec4 getTextureValue(vec3 pos) {
  vec4 tmp = rawSampleTexture(pos);
  vec3 at = pos * vec3(volume.dimensions) - 0.5;
  vec3 first = floor(at);
  vec3 share = at - first;
  float sum = 0.0;
  float weight = 0.0;
  for (int corner = 0; corner < 8; ++corner) {
    ivec3 side = ivec3(corner % 2, (corner / 2) % 2, corner / 4);
    ivec3 voxel = clamp(ivec3(first) + side, ivec3(0), volume.dimensions - 1);
    vec3 shares = mix(vec3(1.0) - share, share, vec3(side));
    float value = rawFetchTexture(voxel)[0];
    if (!isPadding(value)) {
      float own = shares.x * shares.y * shares.z;
      sum += own * value;
      weight += own;
    }
  }
  tmp[0] = weight >= 0.5 ? sum / weight : ${none};
`;

function replacement(originalValue: string, replacementValue: string): Replacement {
  return { shaderType: "Fragment", originalValue, replaceFirst: true, replacementValue, replaceAll: true };
}

const replacements: readonly Replacement[] = [
  replacement("vec4 getTextureValue\\(vec3 pos\\) \\{\\s*vec4 tmp = rawSampleTexture\\(pos\\);", measured),
  ...["max", "min"].map((name) =>
    replacement(`#define OP ${name}`, `#define OP(a, b) (!isMeasured(b) ? (a) : !isMeasured(a) ? (b) : ${name}(a, b))`),
  ),
  replacement("bool valueWithinScalarRange\\(vec4 val\\) \\{", "bool valueWithinScalarRange(vec4 val) {\n  if (true) return isMeasured(val);"),
  replacement("sum /= vec4\\(totalWeight, totalWeight, totalWeight, 1.0\\);", `sum = totalWeight > 0.0 ? sum / vec4(totalWeight, totalWeight, totalWeight, 1.0) : vec4(${none});`),
  replacement(
    "vec4 getColorForValue\\(vec4 tValue, vec3 posVC, vec3 posIS\\) \\{",
    "vec4 getColorForValue(vec4 tValue, vec3 posVC, vec3 posIS) {\n  if (!isMeasured(tValue)) return vec4(0.0, 0.0, 0.0, 1.0);",
  ),
];

/** From now on what a slab shows of a volume is without that padding; with all of it, null. */
export function leavePaddingOut(volume: CutVolume, ranges: readonly WindowRange[]): void {
  const range = asOneRange(ranges);
  const specific = volume.getMapper().getViewSpecificProperties();
  if (!range) {
    delete specific.OpenGL;
    return;
  }
  // Between two whole numbers: what is stored is a float in the shader.
  volume.getProperty().setIpScalarRange(Math.max(-mostOfRange, range.lower - 0.5), Math.min(mostOfRange, range.upper + 0.5));
  specific.OpenGL = { ShaderReplacements: replacements };
}
