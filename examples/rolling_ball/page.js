for (const figure of document.querySelectorAll('figure')) {
  const input = figure.querySelector('input');
  if (!input) continue;
  const variants = figure.querySelectorAll('.variant'), output = figure.querySelector('output');
  input.hidden = false;
  input.addEventListener('input', () => {
    variants.forEach((variant, i) => { variant.hidden = i != input.value; });
    output.textContent = variants[input.value].dataset.label;
  });
}
