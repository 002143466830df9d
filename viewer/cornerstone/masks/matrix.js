/**
 * A matrix as the readers of a SEG want one of `ndarray`, which writes code for each shape: no page
 * would run without 'unsafe-eval' in its Content-Security-Policy. They use nothing but this.
 */
export default function matrix(data, shape) {
  const columns = shape[1];
  return {
    data,
    shape,
    get: (row, column) => data[row * columns + column],
    set: (row, column, value) => (data[row * columns + column] = value),
  };
}
