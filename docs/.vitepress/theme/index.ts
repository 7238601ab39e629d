/** @file The stock theme without its web font: system fonts are there already. */
import './style.css'
import theme from 'vitepress/theme-without-fonts'

export default theme
