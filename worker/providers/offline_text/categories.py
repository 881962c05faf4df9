"""A few general categories, by the beginnings of words that speak for them."""

from __future__ import annotations

import re
from functools import cache

OTHER = "other"

_FEWEST_POINTS = 3
_SOURCES = (4, 2, 1)
"""Points for a word in title, description and content."""
_MOST_OF_ONE = 3
"""Times that the same word counts in one source: a name repeated on every line is one hint."""

# Beginnings of words in lower case; a full stop at the end asks for the whole word.
# English, German, French, Spanish, Italian, Portuguese, Dutch, Russian, Chinese, Japanese.
_BEGINNINGS = {
    "artificial intelligence": (
        "machine-learning ml. ai. llm neural deep-learning chatbot gpt künstliche-intelligenz "
        "maschinelles-lernen intelligence-artificielle apprentissage-automatique inteligencia-artificial "
        "aprendizaje-automático intelligenza-artificiale inteligência-artificial "
        "kunstmatige-intelligentie нейро машинн 人工智能 机器学习 人工知能 機械学習"
    ),
    "data": (
        "database datenbank datenanalyse données donnée dati. datos. dados. gegevens dataset analytics "
        "sql. postgres mysql statisti estadístic estatístic данны статистик dashboard visuali 数据 データ"
    ),
    "infrastructure": (
        "docker kubernetes deploy devops terraform monitor server cloud container überwach supervision "
        "surveillance supervis monitoriz monitoram bewak мониторинг сервер развёртыван 监控 部署 服务器 "
        "監視 サーバー"
    ),
    "security": (
        "security encrypt vulnerab password authenticat malware firewall sicherheit verschlüssel passwor "
        "sécurité chiffrement seguridad cifrado sicurezza crittograf segurança beveilig безопасност "
        "шифрован 安全 加密 セキュリティ 暗号"
    ),
    "web development": (
        "website webseite browser frontend backend javascript typescript react. css. html django http. "
        "rest. api. sitio-web site-web sito-web сайт браузер 网站 前端 ウェブ サイト"
    ),
    "software development": (
        "library compiler framework programming debug developer software code. refactor bibliothek "
        "entwickl programmier bibliothèque développe logiciel biblioteca desarroll programación svilupp "
        "programmazione desenvolv programação bibliotheek ontwikkel библиотек разработ программ 开发 编程 "
        "開発 ライブラリ"
    ),
    "science": (
        "science scientific research physics chemistry biology astronom genom wissenschaft forschung "
        "physik chemie biologie recherche physique ciencia investigación scienza ricerca ciência pesquisa "
        "wetenschap onderzoek наук исследован физик 科学 研究"
    ),
    "education": (
        "education school student teach course learn lesson bildung schule schüler unterricht lernen "
        "éducation école élève enseign cours. educación escuela estudiant enseñanza scuola insegna "
        "studenti educação escola ensino onderwijs leerling образован школ учени 教育 学校 学生 学習"
    ),
    "health": (
        "health medic patient hospital fitness gesundheit medizin klinik santé médec hôpital salud "
        "hospital médic salute ospedale saúde gezondheid ziekenhuis здоров медицин 健康 医疗 医療"
    ),
    "business": (
        "invoice business customer commerce shop. payment finance accounting bank budget rechnung kunden "
        "geschäft zahlung facture client entreprise paiement factura negocio pago. fattura azienda "
        "pagament fatura negócio pagamento factuur klanten betaling бизнес клиент платеж платёж финанс "
        "商业 支付 ビジネス 決済"
    ),
    "music and audio": (
        "music musik musique música musica muziek музык audio song. songs lieder chanson canción canzone "
        "音乐 音楽"
    ),
    "art and design": (
        "art. design painting illustrat photo kunst. gestaltung malerei fotograf peinture diseño pintura "
        "disegno pittura ontwerp дизайн искусств фотограф 设计 艺术 デザイン 写真"
    ),
    "games": "game gaming spiel. spiele jeu. jeux juego giochi gioco jogo spel. игр 游戏 ゲーム",
    "food and gardening": (
        "recipe cooking kitchen garden plant rezept kochen küche garten pflanz recette cuisine jardin "
        "receta cocina ricett cucina giardin receita cozinha jardim recept keuken tuin рецепт кухн сад. "
        "растени 食谱 烹饪 花园 料理 レシピ 庭"
    ),
    "environment": (
        "climate energy environment solar recycl weather klima energie umwelt wetter climat environnement "
        "clima. energía ambiente energia klimaat milieu климат энерг эколог погод 气候 环境 能源 気候 "
        "環境"
    ),
    "travel": (
        "travel journey tourism hotel. hotels reise urlaub voyage viaje turismo viaggi viagem viagens "
        "reizen путешеств туризм 旅行 旅游"
    ),
    "sports": (
        "sport football fußball soccer running-club fútbol calcio futebol voetbal спорт футбол 体育 スポーツ"
    ),
}


def category_of(title: str, description: str, content: str) -> str:
    """One of the table's, or `other` where too little speaks for any."""
    sources = [text.casefold() for text in (title, description, content)]
    points = {
        category: sum(weight * _hits(pattern, text) for weight, text in zip(_SOURCES, sources, strict=True))
        for category, pattern in _patterns().items()
    }
    best = max(points, key=points.__getitem__)
    return best if points[best] >= _FEWEST_POINTS else OTHER


def _hits(pattern: re.Pattern[str], text: str) -> int:
    counts: dict[str, int] = {}
    for found in pattern.findall(text):
        counts[found] = min(counts.get(found, 0) + 1, _MOST_OF_ONE)
    return sum(counts.values())


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {category: re.compile(_pattern(words.split())) for category, words in _BEGINNINGS.items()}


def _pattern(words: list[str]) -> str:
    spaced, unspaced = [], []
    for word in words:
        if word[0] >= "\u3041":
            unspaced.append(word)
        else:
            spaced.append(
                re.escape(word.rstrip(".")).replace(r"\-", "[ -]") + (r"\b" if word[-1] == "." else "")
            )
    return "|".join([rf"\b(?:{'|'.join(spaced)})", *unspaced])
